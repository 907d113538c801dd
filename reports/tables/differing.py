"""In what the runs of many strategies differ that must not, by value: a column for each strategy would not fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.analysis.words.numbers import NOT_MEASURED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.analysis.comparison import Comparison

__all__ = ["by_value"]


def by_value(comparison: Comparison) -> Iterator[tuple[str, str, str]]:
    """Yield each field, one of its values and the strategies that have it; those of the most common value are counted."""
    for mismatch in comparison.mismatches:
        names: dict[str, list[str]] = {}
        for result in comparison.results:
            names.setdefault(mismatch.values.get(result.strategy, NOT_MEASURED), []).append(result.strategy)
        most = max(map(len, names.values()))
        for value, who in names.items():
            yield mismatch.field, value, f"the other {most}" if len(who) == most else ", ".join(who)
