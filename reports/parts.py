"""The comparisons of a report with their figures, in which a strategy looks the same throughout."""

from __future__ import annotations

from itertools import repeat
from typing import TYPE_CHECKING

from reports import provenance
from reports.drawing import draw
from reports.figures import charts
from reports.page import Part
from reports.theme import looks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.comparison import Comparison
    from reports.theme import Look

__all__ = ["parts_of"]


def parts_of(comparisons: Sequence[Comparison]) -> tuple[tuple[Part, ...], dict[str, Look]]:
    """Make the figures of all; of several, each figure's name begins with the comparison's number."""
    styles = looks(row.strategy for comparison in comparisons for row in comparison.rows)
    prefixes = [f"{number}_" for number in range(1, len(comparisons) + 1)] if len(comparisons) > 1 else [""]
    return tuple(map(_part, comparisons, repeat(styles), prefixes)), styles


def _part(comparison: Comparison, styles: dict[str, Look], prefix: str) -> Part:
    made = charts(comparison, styles, prefix)
    drawn = {chart.name: draw(chart, provenance.subject(comparison)) for chart in made if not chart.missing}
    return Part(comparison, made, drawn, f" ({prefix.rstrip('_')})" if prefix else "")
