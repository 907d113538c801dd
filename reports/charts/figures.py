"""All figures of a report, in the order of the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .confusion import confusion
from .differences import differences
from .learning_curves import learning_curves
from .length_scan import length_scan
from .memory_and_step import memory_split, step_split
from .rate_scan import rate_scan
from .theme import styles_of
from .tradeoff import tradeoff
from .trained_layers import trained_layers
from .tuning import tuning

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bench.analysis.comparison import Comparison

    from .chart import Chart
    from .theme import Style

__all__ = ["charts", "charts_across"]

_ORDER = (tradeoff, differences, memory_split, step_split, tuning, learning_curves, confusion, trained_layers)


def charts(comparison: Comparison, styles: Mapping[str, Style] | None = None, prefix: str = "") -> tuple[Chart, ...]:
    """Every figure; `styles` and `prefix` are for a page of several comparisons, which share styles but not names."""
    known = styles or styles_of(result.strategy for result in comparison.arrangement.all)
    return tuple(make(comparison, known, prefix) for make in _ORDER)


def charts_across(comparisons: Sequence[Comparison], styles: Mapping[str, Style]) -> tuple[Chart, ...]:
    """The figures over a setting that takes several values in a report, within a comparison or over all of them."""
    return rate_scan(comparisons, styles), length_scan(comparisons, styles)
