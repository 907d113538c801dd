"""One metric over all strategies: every seed a dot, the mean a shape, and its interval where there is one."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, Locator, MultipleLocator

from bench import stats
from bench.metrics import METRICS
from reports.cells import cell, one_line
from reports.layout import LINE, fold, text_width, ticks
from reports.theme import FAINT, INK, MUTED, PAPER, Look, looks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from bench.comparison import Comparison, Row
    from bench.stats import Interval

__all__ = ["draw_dots", "spread"]

_DOTS = 0.28
"""Inches below a name in which its dots stand."""


def spread(row: Row, metric: str) -> Interval | None:
    """The interval of a mean: over rows for an accuracy, else over seeds, from two on."""
    if metric == "accuracy":
        return row.accuracy
    return stats.mean(row.samples[metric]) if row.samples[metric] else None


def draw_dots(comparison: Comparison, metric: str, width: float) -> Figure:
    """Draw one line per strategy, its name and value above its dots; `width` in inches."""
    rows = [row for row in comparison.rows if row.samples[metric]]
    styles = looks(row.strategy for row in comparison.rows)
    names = [fold(one_line(row.strategy), width - 0.5 - text_width(_value(row, metric))) for row in rows]
    bottoms: list[float] = []
    for name in names:
        bottoms.append((bottoms[-1] if bottoms else 0) + LINE * (name.count("\n") + 1) + _DOTS)
    figure = Figure(figsize=(width, bottoms[-1] + 0.65), layout="constrained")
    axes = figure.subplots()
    for row, name, bottom in zip(rows, names, bottoms, strict=True):
        _draw_interval(axes, spread(row, metric), bottom - _DOTS / 2, styles[row.strategy])
        behind = {"facecolor": PAPER, "edgecolor": "none", "pad": 0.8}
        above: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "va": "bottom", "bbox": behind}
        axes.text(0, bottom - _DOTS + 0.02, name, ha="left", color=INK, linespacing=1.1, **above)
        axes.text(1, bottom - _DOTS + 0.02, _value(row, metric), ha="right", color=MUTED, **above)
    _draw_dots(axes, rows, metric, [bottom - _DOTS / 2 for bottom in bottoms], styles)
    for base in (row for row in rows if row.is_reference):
        axes.axvline(
            stats.mean(base.samples[metric]).estimate, color=MUTED, linewidth=0.8, linestyle=(0, (3, 2)), zorder=1
        )
    axes.set(ylim=(bottoms[-1] + 0.05, 0), ylabel="", xlabel=METRICS[metric].label)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.margins(x=0.06)
    values = [value for row in rows for value in row.samples[metric].values()]
    if METRICS[metric].compare == "ratio":
        axes.set_xlim(left=0 if min(values) >= 0 else None)
    axes.xaxis.set_major_locator(_locator(metric, axes.get_xlim()))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: METRICS[metric].format(value)))
    return figure


def _draw_interval(axes: Axes, interval: Interval | None, height: float, look: Look) -> None:
    axes.axhline(height, color=FAINT, linewidth=0.6, zorder=0)
    if interval and interval.bounds:
        axes.hlines(height, *interval.bounds, color=look.colour, linewidth=2, alpha=0.6, zorder=2)


def _draw_dots(axes: Axes, rows: list[Row], metric: str, heights: list[float], styles: dict[str, Look]) -> None:
    seeds = pd.DataFrame(
        [
            (row.strategy, value, height)
            for row, height in zip(rows, heights, strict=True)
            for value in row.samples[metric].values()
        ],
        columns=["strategy", "value", "height"],
    )
    means = seeds.groupby("strategy", as_index=False, sort=False).mean()
    palette = {name: look.colour for name, look in styles.items()}
    markers = {name: look.marker for name, look in styles.items()}
    shared: dict[str, Any] = {"x": "value", "y": "height", "hue": "strategy", "palette": palette, "legend": False}
    sns.scatterplot(seeds, s=16, edgecolor=INK, linewidth=0.4, zorder=3, ax=axes, **shared)
    sns.scatterplot(
        means, style="strategy", markers=markers, s=70, edgecolor=INK, linewidth=0.7, zorder=4, ax=axes, **shared
    )


def _locator(metric: str, ends: tuple[float, float]) -> Locator:
    """Place ticks at round numbers, which are powers of two for bytes."""
    if METRICS[metric].unit == "bytes":
        return MultipleLocator(2 ** math.ceil(math.log2(max(ends[1] - ends[0], 4) / 4)))
    return ticks(4)


def _value(row: Row, metric: str) -> str:
    written = cell(row, metric)
    return f"{written.value} ({written.against})" if written.against else written.value
