"""Accuracy against throughput, memory as the size of the marker, and the frontier that nothing beats."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import seaborn as sns
from matplotlib.ticker import PercentFormatter

from bench.metrics import format_bytes
from bench.stats import pareto
from reports.layout import canvas, strategy_legend, ticks
from reports.theme import INK, MUTED, looks

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from bench.comparison import Comparison, Row

__all__ = ["draw_tradeoff", "frontier", "placed"]

_LARGEST = 320
"""Area of the marker of the largest peak memory, in square points."""


def placed(comparison: Comparison) -> list[Row]:
    """The strategies that have both an accuracy and a throughput."""
    return [row for row in comparison.rows if row.finished and None not in _point(row)]


def frontier(rows: list[Row]) -> list[Row]:
    """Those that no other strategy beats in both, by their means, the slowest first."""
    best = pareto([_at(row) for row in rows])
    return sorted((row for row, kept in zip(rows, best, strict=True) if kept), key=_at)


def draw_tradeoff(comparison: Comparison, width: float) -> Figure:
    """Draw one marker per strategy at its mean over seeds; `width` in inches."""
    rows, styles = placed(comparison), looks(row.strategy for row in comparison.rows)
    figure, (axes,) = canvas(width, names=[_label(row) for row in rows])
    axes.plot(*zip(*(_at(row) for row in frontier(rows)), strict=True), color=MUTED, linewidth=1, zorder=1)
    for row in rows:
        if row.accuracy and row.accuracy.bounds:
            axes.vlines(_at(row)[0], *row.accuracy.bounds, color=MUTED, linewidth=0.8, zorder=2)
    means = pd.DataFrame([(row.strategy, *_at(row), _area(row, rows)) for row in rows], columns=["strategy", *"xys"])
    sns.scatterplot(
        means, x="x", y="y", hue="strategy", style="strategy", size="strategy", edgecolor=INK, linewidth=0.7,
        alpha=0.85, zorder=3, legend=False, ax=axes, sizes=dict(zip(means["strategy"], means["s"], strict=True)),
        palette={name: look.colour for name, look in styles.items()},
        markers={name: look.marker for name, look in styles.items()},
    )  # fmt: skip
    if majority := [row.majority_accuracy for row in rows if row.majority_accuracy is not None]:
        axes.axhline(majority[0], color=MUTED, linewidth=0.8, linestyle=(0, (2, 2)), zorder=1)
    axes.set(xlabel="throughput (samples/s)", ylabel="accuracy")
    axes.margins(0.12, 0.12)
    axes.set_xlim(left=0)
    axes.xaxis.set_major_locator(ticks(5))
    axes.yaxis.set_major_locator(ticks(6))
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    strategy_legend(figure, [(_label(row), styles[row.strategy]) for row in rows], width, lines=False)
    return figure


def _point(row: Row) -> tuple[float | None, float | None]:
    return row.means["samples_per_second"], row.means["accuracy"]


def _at(row: Row) -> tuple[float, float]:
    speed, accuracy = _point(row)
    assert speed is not None
    assert accuracy is not None
    return speed, accuracy


def _area(row: Row, rows: list[Row]) -> float:
    """Area in proportion to the peak memory, from zero; the smallest that can be seen where it is unknown."""
    largest = max((other.means["peak_memory_bytes"] or 0 for other in rows), default=0)
    memory = row.means["peak_memory_bytes"]
    return max(_LARGEST * memory / largest, 20.0) if memory and largest > 0 else 20.0


def _label(row: Row) -> str:
    memory = row.means["peak_memory_bytes"]
    return row.strategy if memory is None else f"{row.strategy}, {format_bytes(memory)}"
