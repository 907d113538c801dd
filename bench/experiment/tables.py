"""Options that are mappings, written as tables of a configuration file: `[options.ranks]` for `lora:rank_pattern=ranks`."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from bench.errors import UnknownName, UsageError
from bench.experiment import registry
from bench.experiment.spec import Term, format_strategy, parse_strategies
from bench.experiment.trial import Trial
from bench.inert import shown
from bench.plan.option_text import decode, is_mapping, write

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["mappings_of", "read_tables", "with_tables"]


def read_tables(written: object, path: Path) -> dict[str, str]:
    """Write each table of [options] as the value of an option: `k=v/k=v`.

    Raises:
        UsageError: one is no table, or holds what is neither a number nor a word.

    """
    if not isinstance(written, dict):
        raise UsageError(f"options in {path}: it holds tables that strategies name: [options.NAME]")
    return {name: _inline(name, table, path) for name, table in written.items()}


def with_tables(strategies: str, tables: Mapping[str, str], path: Path) -> str:
    """Put the content of a table in the place of its name, in every option that is a mapping; records then hold it.

    Raises:
        UnknownName: an option names a table that is not there.
        UsageError: the text does not follow the grammar.

    """
    with Trial(__name__) as trial:
        return ",".join(
            format_strategy(tuple(_with_tables(term, tables, path, trial) for term in terms))
            for terms in parse_strategies(strategies)
        )


def mappings_of(name: str) -> list[str] | None:
    """List the options of a strategy that are mappings; None where it takes options that it does not declare.

    Raises:
        UsageError: there is no such strategy, or it cannot be used.

    """
    cls = registry.class_of(name)
    declared = [key for key, (kind, _) in registry.options_of(cls).items() if is_mapping(kind)]
    return None if registry.rest_of(cls) else declared


def _with_tables(term: Term, tables: Mapping[str, str], path: Path, trial: Trial) -> Term:
    named = [key for key, text in term.options if not set(text) & set("=/")]
    mappings: list[str] | None = []
    if named:
        with suppress(UsageError):  # it is told when the strategies are checked; a gate's sides may know others
            is_ours = registry.is_ours(term.name)
            mappings = (
                mappings_of(term.name) if is_ours else trial.ask("mappings_of", term.name, f"strategy {term.name}")
            )
    options = []
    for key, text in term.options:
        value = text
        if key in named and (mappings is None or key in mappings):
            if decode(text) in tables:
                value = tables[decode(text)]
            elif mappings is not None:
                kind = f"table [options.NAME] in {path}"
                raise UnknownName(kind, decode(text), tables)
        options.append((key, value))
    return Term(name=term.name, options=tuple(options))


def _inline(name: str, table: object, path: Path) -> str:
    if not isinstance(table, dict):
        raise UsageError(f"options.{name} in {path}: write it as a table: [options.{name}]")
    for key, value in table.items():
        if not isinstance(value, str | int | float):
            hint = (
                f'; a name with dots stands in quotes: "{key}.{next(iter(value))}" = ...'
                if isinstance(value, dict) and value
                else ""
            )
            raise UsageError(f"options.{name}.{key} in {path} is {shown(value)}; give a number or a word{hint}")
    return write(tuple(table.items()))
