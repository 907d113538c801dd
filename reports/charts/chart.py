"""One figure of a report, not yet drawn, with everything that stands around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.analysis.arrangement import MOST_FIRST

from ..tables.cells import first_title

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.figure import Figure

    from bench.analysis.comparison import Comparison
    from bench.analysis.strategy_result import StrategyResult

__all__ = ["Chart", "Table", "first_of"]

Table = tuple[tuple[str, ...], ...]
"""Lines of cells; the first line names the columns, and the first cell of each line the strategy."""


@dataclass(frozen=True, slots=True)
class Chart:
    """One figure: title, caption, words and numbers for those who do not see it, and how it is drawn."""

    name: str
    """Stem of its file."""
    title: str
    """What it shows, as a finding where there is one."""
    caption: str
    """How to read it."""
    alternative: str
    """What it shows, in words and numbers."""
    table: Table
    """The numbers behind it."""
    draw: Callable[[float], Figure]
    """Draws it at a width in inches."""
    missing: str = ""
    """Why it is left out; empty where it is drawn."""


def first_of(comparison: Comparison, results: Sequence[StrategyResult]) -> tuple[tuple[StrategyResult, ...], str]:
    """Return those to draw, of many the first alone, and a sentence for the caption on what is left out, if anything is."""
    rows = comparison.arrangement
    if not rows.is_grouped or len(results) <= MOST_FIRST:
        return tuple(results), ""
    if first := tuple(result for result in rows.first if result in results):
        who = first_title(comparison)
        return first, f" Drawn: {who[0].lower()}{who[1:]}, {len(first)} of {len(results)} strategies."
    return tuple(results[:MOST_FIRST]), f" Drawn: the first {MOST_FIRST} of {len(results)} strategies."
