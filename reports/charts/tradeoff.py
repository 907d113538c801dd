"""Training memory against quality: seeds as dots, the mean as a shape with both intervals, hollow where another is better."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from matplotlib.ticker import FuncFormatter, PercentFormatter

from bench.analysis import intervals
from bench.analysis.quality import MEMORY
from bench.analysis.words.numbers import group
from bench.records.metrics import METRICS, format_bytes
from reports.charts.chart import Chart
from reports.charts.layout import byte_ticks, canvas, strategy_legend, ticks
from reports.charts.theme import INK, MUTED, PAPER
from reports.tables.cells import cell

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from bench.analysis.comparison import Comparison, Row
    from bench.analysis.intervals import Interval
    from reports.charts.theme import Look

__all__ = ["tradeoff"]

_MOST_DOTS = 1000
"""Of seeds; more are a cloud, and weigh more than the rest of the page."""


def tradeoff(comparison: Comparison, styles: Mapping[str, Look], prefix: str) -> Chart:
    """Make the chart; it is missing where no run has both a memory and a quality."""
    plot = _Plot(comparison)
    memory, quality = (METRICS[metric].label for metric in plot.metrics)
    told = "; ".join(f"{row.strategy}: {', '.join(plot.values(row))}" for row in plot.rows)
    hollow = (
        f" A shape is hollow where another strategy is detectably better in speed, memory or {quality} and worse in none."
        if plot.frontier
        else ""
    )
    return Chart(
        name=f"{prefix}tradeoff",
        title=plot.title,
        caption=f"Up and to the left is better. Small dots are seeds (where all are {_MOST_DOTS:,} at most), the shape is "
        f"their mean, bars are 95% intervals ({quality} over evaluation rows, memory over seeds).{hollow}",
        alternative=f"Scatter plot of {memory} and {quality}. {told}.",
        table=(
            ("strategy", memory, "95% interval", quality, "95% interval", "on the frontier"),
            *((row.strategy, *plot.described(row), plot.place(row)) for row in plot.rows),
        ),
        draw=lambda width: _draw(plot, styles, width),
        missing="" if plot.rows else f"no run has both {memory} and {quality}",
    )


@dataclass(frozen=True, slots=True)
class _Plot:
    """What is drawn of a comparison."""

    comparison: Comparison

    @property
    def metrics(self) -> tuple[str, str]:
        return MEMORY, self.comparison.quality.metric

    @property
    def rows(self) -> list[Row]:
        return [
            row
            for row in self.comparison.rows
            if row.finished and None not in [row.means[metric] for metric in self.metrics]
        ]

    @property
    def frontier(self) -> list[Row]:
        """Those that no other is better than, where at least two are ranked and one has learnt."""
        return [row for row in self.rows if self.place(row) == "yes"]

    @property
    def title(self) -> str:
        rows, best = self.rows, self.frontier
        memory, quality = (METRICS[metric].label for metric in self.metrics)
        if not best or len(rows) == 1:
            return f"{quality[0].upper()}{quality[1:]} against {memory}"
        who = "every strategy" if len(best) == len(rows) else group(row.strategy for row in best)
        return f"On the frontier of speed, memory and {quality}: {who}"

    def place(self, row: Row) -> str:
        ranking = self.comparison.ranking
        if not self.comparison.learned or row.strategy not in ranking.names:
            return "not ranked"
        if row.beats_majority is False:
            return "not shown to beat the majority class"
        return "yes" if row.strategy in ranking.frontier else "no"

    def values(self, row: Row) -> list[str]:
        return [cell(row, metric).value for metric in self.metrics]

    def described(self, row: Row) -> tuple[str, ...]:
        """Give both values, each with its interval."""
        return tuple(
            text
            for metric, value, interval in zip(self.metrics, self.values(row), self.intervals(row), strict=True)
            for text in (value, _written(metric, interval))
        )

    def intervals(self, row: Row) -> tuple[Interval, Interval]:
        memory, quality = self.metrics
        return intervals.mean(row.samples[memory]), row.quality_interval or intervals.mean(row.samples[quality])

    def at(self, row: Row) -> tuple[float, float]:
        memory, quality = (row.means[metric] for metric in self.metrics)
        assert memory is not None, "asked only of rows that have both"
        assert quality is not None, "likewise"
        return memory, quality


def _written(metric: str, interval: Interval) -> str:
    if interval.bounds is None:
        return "none"
    return " to ".join(METRICS[metric].format(bound) for bound in interval.bounds)


def _draw(plot: _Plot, styles: Mapping[str, Look], width: float) -> Figure:
    rows, metrics = plot.rows, plot.metrics
    figure, axes = canvas(width, [row.strategy for row in rows])
    with_dots = sum(len(row.finished) for row in rows) <= _MOST_DOTS
    for row in rows:
        look, is_beaten = styles[row.strategy], plot.place(row) == "no"
        _draw_intervals(axes, plot, row, look)
        seeds = sorted(set.intersection(*(set(row.samples[metric]) for metric in metrics))) if with_dots else []
        dots: dict[str, Any] = {"linestyle": "none", "marker": "o", "markersize": 3, "markeredgewidth": 0}
        xs, ys = ([row.samples[metric][seed] for seed in seeds] for metric in metrics)
        axes.plot(xs, ys, color=look.colour, gid=f"{look.tag} seed", zorder=3, **dots)
        axes.plot(
            *([value] for value in plot.at(row)), color=look.colour, marker=look.marker, markersize=9, gid=look.tag,
            markerfacecolor=PAPER if is_beaten else look.colour, markeredgecolor=look.colour if is_beaten else INK,
            markeredgewidth=1, linestyle="none", zorder=4,
        )  # fmt: skip
    if majority := [row.majority_quality for row in rows if row.majority_quality is not None]:
        axes.axhline(majority[0], color=MUTED, linewidth=0.8, linestyle=(0, (2, 2)), zorder=1)
        axes.text(
            1, majority[0], "majority class", transform=axes.get_yaxis_transform(), ha="right", va="bottom", color=MUTED
        )
    axes.set(**dict(zip(("xlabel", "ylabel"), (METRICS[metric].label for metric in metrics), strict=True)))
    axes.margins(0.1, 0.12)
    axes.xaxis.set_major_locator(byte_ticks(*axes.get_xlim()))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: format_bytes(value)))
    axes.yaxis.set_major_locator(ticks(6))
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    strategy_legend(figure, [(row.strategy, styles[row.strategy]) for row in rows], width, lines=False)
    return figure


def _draw_intervals(axes: Axes, plot: _Plot, row: Row, look: Look) -> None:
    (across, up), (x, y) = (interval.bounds for interval in plot.intervals(row)), plot.at(row)
    drawn: dict[str, Any] = {"color": look.colour, "linewidth": 1.2, "alpha": 0.7, "zorder": 2, "gid": look.tag}
    if up:
        axes.vlines(x, *up, **drawn)
    if across:
        axes.hlines(y, *across, **drawn)
