"""The options that several commands have, and those that stand for a setting."""

from __future__ import annotations

import inspect
import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from bench.errors import UsageError
from bench.experiment.settings import OPTIONS, SHORTER, Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from bench.cli.rules_file import RulesFile

__all__ = [
    "CONFIG_OF_COMPARE",
    "FIGURES",
    "GATE",
    "LENGTHS",
    "MISMATCH",
    "REFERENCE",
    "SIDES",
    "STRICT",
    "check_figures_url",
    "read_rules",
    "repeat_sides",
    "with_settings",
]

CONFIG_OF_COMPARE = typer.Option(help="TOML file of the options of compare. [default: bench.toml]")
LENGTHS = typer.Option(help="Tokens of every row, or data for the rows of --dataset. [default: --max-length]")
FIGURES = typer.Option(help="Where the results directory can be reached, for the figures of summary.md: https://...")
REFERENCE = typer.Option(help="Strategy that others are compared with.")
MISMATCH = typer.Option("--allow-mismatch", help="Compare runs that differ in more.")
GATE = typer.Option(help='TOML file of rules to judge the comparison by, such as "peak_memory <= 20 GiB".')
STRICT = typer.Option("--strict", help="With --gate: exit code 3 where noise left a rule open.")
SIDES = ("--base", "--head", "--from")
"""The options that take as many words as a pattern of the shell becomes."""

_TYPES = get_type_hints(Settings)
"""Of the settings, without their bounds."""


def _setting(name: str, defaults: Mapping[str, str]) -> inspect.Parameter:
    """Make the option that sets `name`; the settings alone know its type and what it means, and mostly its default."""
    field = Settings.model_fields[name]
    told = defaults.get(name, field.default)
    default = "" if told is None or told is False else f" [default: {told}]"
    # Rows are a number or a word, which the settings read.
    kind: Any = str if name in ("train_samples", "eval_samples", "micro_batch_size") else _TYPES[name]
    own = (f"--{SHORTER[name]}",) if name in SHORTER else ()
    option = typer.Option(*own, help=f"{field.description}{default}", show_default=False)
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind | None, option]
    )


def with_settings(
    command: Callable[..., int],
    names: Iterable[str] = OPTIONS,
    defaults: Mapping[str, str] = MappingProxyType({}),
) -> Callable[..., int]:
    """Give a command that takes `**given` an option for every setting, or for those named; it may have other `defaults`."""
    taken = inspect.signature(command, eval_str=True).parameters.values()
    arguments = [p for p in taken if p.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]
    own = [p for p in taken if p.kind is inspect.Parameter.KEYWORD_ONLY]
    signature = inspect.Signature([*arguments, *(_setting(name, defaults) for name in names), *own])
    command.__signature__ = signature  # type: ignore[attr-defined]
    return command


def read_rules(path: Path | None, *, strict: bool) -> RulesFile | None:
    """Read the rules of `--gate` before any work.

    Raises:
        UsageError: they cannot be read, or there are none to be strict about.

    """
    if path is None:
        if strict:
            raise UsageError("--strict needs --gate, the rules to be strict about")
        return None
    from bench.cli.rules_file import RulesFile  # noqa: PLC0415  (most comparisons have none)

    return RulesFile.read(path, strict=strict)


def check_figures_url(url: str | None) -> None:
    """Refuse what is no address that stands in Markdown as it is.

    Raises:
        UsageError: it does not begin with https:// or http://, or has a space, a bracket or a quotation mark in it.

    """
    if url is not None and not re.fullmatch(r"https?://[^\s<>()\[\]\"'`\\|]+", url):
        msg = f"--figures-url {url!r}: give the address under which the results directory can be reached, https://..."
        raise UsageError(msg)


def repeat_sides(arguments: list[str]) -> list[str]:
    """Repeat an option of SIDES before each of its words: the parser takes `--base a --base b`, not `--base a b`."""
    repeated: list[str] = []
    option, has_value = None, False
    for word in arguments:
        if word.startswith("-"):
            name, equals, _ = word.partition("=")
            option, has_value = (name if name in SIDES else None), bool(equals)
        elif option:
            repeated += [option] if has_value else []
            has_value = True
        repeated.append(word)
    return repeated
