"""Every strategy that can be asked for: `bench.strategies()` and `bench list strategies`."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import pandas as pd

from bench.api import strategy_details as answers
from bench.api.strategy_entry import term_of
from bench.errors import UsageError
from bench.experiment import registry
from bench.experiment.trial import Trial
from bench.plan.families import Family

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from bench.api.strategy_details import StrategyDetails
    from bench.api.strategy_entry import Options, StrategyEntry

__all__ = ["UNUSABLE", "details_of", "entries", "in_a_line", "strategies", "why_not_here"]

UNUSABLE = "Cannot be used"
"""In place of a family, of plug-ins that are broken."""


def strategies(*, details: bool = False) -> pd.DataFrame:
    """List every strategy by its name (the index): its options with their defaults, what it does, and whether it runs here.

    Args:
        details: Adds what each sets and what it cannot be combined with, and a row for every type of adapter that the
            installed peft has, such as adapter:type=oft. It takes seconds, in which peft is imported.

    """
    if not details:
        return pd.DataFrame([_row(one) for one in entries()]).set_index("name")
    rows = []
    for one in details_of(registry.names()):
        more = {
            "sets": "; ".join(f"{field}: {words}" for field, words in one["sets"].items()),
            "conflicts": ", ".join(one["conflicts"]),
        }
        rows.append(_row(one) | more)
        rows += [
            rows[-1] | {"name": f"{one['name']}:{key}", "options": in_a_line(own)} for key, own in one["types"].items()
        ]
    return pd.DataFrame(rows).set_index("name")


def _row(entry: StrategyEntry) -> dict[str, Any]:
    why_not = why_not_here(entry)
    return {
        "name": entry["name"],
        "family": entry["family"],
        "options": in_a_line(entry["options"]),
        "description": entry["says"],
        "source": entry["source"],
        "runs_here": why_not is None,
        "why_not": why_not or "",
    }


def entries() -> list[StrategyEntry]:
    """Look up every strategy, family by family; of a plug-in that cannot be used it is said why."""
    return _answers("strategy_entry", registry.names())


def details_of(texts: Iterable[str], *, strict: bool = False) -> list[StrategyDetails]:
    """Look closer at strategies, family by family, as terms of the command line give them.

    Raises:
        UsageError: `strict`, and one cannot be used.

    """
    return _answers("strategy_details", texts, strict=strict)


def _answers(function: str, texts: Iterable[str], *, strict: bool = False) -> list[Any]:
    found = []
    with Trial(answers.__name__) as trial:
        for text in texts:
            name = term_of(text).name
            try:
                if registry.is_ours(name):
                    found.append(getattr(answers, function)(text))
                else:
                    found.append(trial.ask(function, text, f"strategy {registry.origin(name)}"))
            except UsageError as error:
                if strict:
                    raise
                found.append(_unusable(name, str(error)))
    order = [*Family, UNUSABLE]
    return found if strict else sorted(found, key=lambda one: order.index(one["family"]))


def _unusable(name: str, why: str) -> StrategyDetails:
    return {
        "name": name, "family": UNUSABLE, "options": {}, "says": f"cannot be used: {why}", "source": "", "needs": [],
        "why_not": why, "asks": {}, "has_types": False, "sets": {}, "conflicts": [], "alone": None, "types": {},
    }  # fmt: skip


def why_not_here(entry: StrategyEntry) -> str | None:
    """Say why a strategy does not run on this machine, before any model is known; None where nothing is in its way."""
    return entry["why_not"] or _what_lacks()(entry["asks"])


@cache
def _what_lacks() -> Callable[[Mapping[str, Any]], str | None]:
    try:
        # It takes torch, a second, which alone knows what a device can do.
        from bench.training.here import what_lacks  # noqa: PLC0415
    except ImportError as error:
        why_not = f"nothing trains here: {error.name} is not installed"
        return lambda _asked: why_not
    return what_lacks


def in_a_line(options: Options) -> str:
    """Write options with what each may be and its default."""
    return ", ".join(f"{key}={kind} [{default}]" for key, (kind, default) in options.items())
