"""Training memory against quality: seeds as dots, the mean as a shape with both intervals, hollow where another is better."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from matplotlib.ticker import FuncFormatter, PercentFormatter

from bench.analysis import intervals
from bench.analysis.quality import MEMORY
from bench.analysis.words.numbers import group
from bench.records.metrics import METRICS, format_bytes

from ..tables.cells import cell
from .chart import Chart, first_of
from .layout import byte_ticks, canvas, strategy_legend, ticks
from .theme import INK, MUTED, PAPER, styles_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from bench.analysis.comparison import Comparison
    from bench.analysis.intervals import Interval
    from bench.analysis.strategy_result import StrategyResult

    from .theme import Style

__all__ = ["tradeoff"]

_MOST_DOTS = 1000
"""Of seeds; more are a cloud, and weigh more than the rest of the page."""


def tradeoff(comparison: Comparison, styles: Mapping[str, Style], prefix: str) -> Chart:
    """Make the chart; it is missing where no run has both a memory and a quality."""
    plot = _Plot(comparison)
    memory, quality = (METRICS[metric].label for metric in plot.metrics)
    first, _ = first_of(comparison, plot.results)
    told = "; ".join(f"{result.strategy}: {', '.join(plot.values(result))}" for result in first)
    grey = (
        f" Grey: the other {len(plot.results) - len(first)} of {len(plot.results)} strategies, means alone, a shape for each family."
        if len(first) < len(plot.results)
        else ""
    )
    hollow = (
        f" A shape is hollow where another strategy is detectably better in speed, memory or {quality} and worse in none."
        if plot.frontier
        else ""
    )
    return Chart(
        name=f"{prefix}tradeoff",
        title=plot.title,
        caption=f"Up and to the left is better. Small dots are seeds (left out where there are over {_MOST_DOTS:,}), the shape is "
        f"their mean, bars are 95% intervals ({quality} over evaluation rows, memory over seeds).{hollow}{grey}",
        alternative=f"Scatter plot of {memory} and {quality}. {told}.",
        table=(
            ("strategy", memory, "95% interval", quality, "95% interval", "on the frontier"),
            *((result.strategy, *plot.described(result), plot.place(result)) for result in plot.results),
        ),
        draw=lambda width: _draw(plot, styles, width),
        missing="" if plot.results else f"no run has both {memory} and {quality}",
    )


@dataclass(frozen=True, slots=True)
class _Plot:
    """What is drawn of a comparison."""

    comparison: Comparison

    @property
    def metrics(self) -> tuple[str, str]:
        return MEMORY, self.comparison.quality.metric

    @property
    def results(self) -> list[StrategyResult]:
        return [
            result
            for result in self.comparison.arrangement.finished
            if result.finished and None not in [result.means[metric] for metric in self.metrics]
        ]

    @property
    def frontier(self) -> list[StrategyResult]:
        """Those that no other is better than, where at least two are ranked and one has learnt."""
        return [result for result in self.results if self.place(result) == "yes"]

    @property
    def title(self) -> str:
        results, best = self.results, self.frontier
        memory, quality = (METRICS[metric].label for metric in self.metrics)
        if not best or len(results) == 1:
            return f"{quality[0].upper()}{quality[1:]} against {memory}"
        who = "every strategy" if len(best) == len(results) else group(result.strategy for result in best)
        return f"On the frontier of speed, memory and {quality}: {who}"

    def place(self, result: StrategyResult) -> str:
        is_on = self.comparison.on_frontier(result.strategy)
        if is_on is None:
            return "not ranked"
        if result.beats_majority is False:
            return "not shown to beat the majority class"
        return "yes" if is_on else "no"

    def values(self, result: StrategyResult) -> list[str]:
        return [cell(result, metric).value for metric in self.metrics]

    def described(self, result: StrategyResult) -> tuple[str, ...]:
        """Return both values, each with its interval."""
        return tuple(
            text
            for metric, value, interval in zip(self.metrics, self.values(result), self.intervals(result), strict=True)
            for text in (value, _written(metric, interval))
        )

    def intervals(self, result: StrategyResult) -> tuple[Interval, Interval]:
        memory, quality = self.metrics
        return intervals.mean(result.samples[memory]), result.quality_interval or intervals.mean(
            result.samples[quality]
        )

    def at(self, result: StrategyResult) -> tuple[float, float]:
        memory, quality = (result.means[metric] for metric in self.metrics)
        assert memory is not None, "asked only of strategies that have both"
        assert quality is not None, "likewise"
        return memory, quality


def _written(metric: str, interval: Interval) -> str:
    if interval.bounds is None:
        return "none"
    return " to ".join(METRICS[metric].format(bound) for bound in interval.bounds)


def _draw(plot: _Plot, styles: Mapping[str, Style], width: float) -> Figure:
    (results, _), metrics = first_of(plot.comparison, plot.results), plot.metrics
    families = _families(plot, results)
    legend = [(result.strategy, styles[result.strategy]) for result in results] + [*families]
    figure, axes = canvas(width, [name for name, _ in legend])
    for (_, style), members in families.items():
        for result in members:
            axes.plot(
                *([value] for value in plot.at(result)), color=style.colour, marker=style.marker, markersize=4.5,
                linestyle="none", alpha=0.7, zorder=1.5, gid=styles[result.strategy].tag,
            )  # fmt: skip
    with_dots = sum(len(result.finished) for result in results) <= _MOST_DOTS
    for result in results:
        style, is_beaten = styles[result.strategy], plot.place(result) == "no"
        _draw_intervals(axes, plot, result, style)
        seeds = sorted(set.intersection(*(set(result.samples[metric]) for metric in metrics))) if with_dots else []
        dots: dict[str, Any] = {"linestyle": "none", "marker": "o", "markersize": 3, "markeredgewidth": 0}
        xs, ys = ([result.samples[metric][seed] for seed in seeds] for metric in metrics)
        axes.plot(xs, ys, color=style.colour, gid=f"{style.tag} seed", zorder=3, **dots)
        axes.plot(
            *([value] for value in plot.at(result)), color=style.colour, marker=style.marker, markersize=9, gid=style.tag,
            markerfacecolor=PAPER if is_beaten else style.colour, markeredgecolor=style.colour if is_beaten else INK,
            markeredgewidth=1, linestyle="none", zorder=4,
        )  # fmt: skip
    if majority := [result.majority_quality for result in results if result.majority_quality is not None]:
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
    strategy_legend(figure, legend, width, lines=False)
    return figure


def _families(plot: _Plot, drawn: Sequence[StrategyResult]) -> dict[tuple[str, Style], list[StrategyResult]]:
    """The strategies that are drawn in grey, by the name of their family and how it is drawn."""
    found = {
        rows.title: [result for result in plot.results if result in rows.results and result not in drawn]
        for rows in plot.comparison.arrangement.families
    }
    shapes = styles_of(found)
    return {
        (f"{title} ({len(members)})", replace(shapes[title], index=-1, colour=MUTED)): members
        for title, members in found.items()
        if members
    }


def _draw_intervals(axes: Axes, plot: _Plot, result: StrategyResult, style: Style) -> None:
    (across, up), (x, y) = (interval.bounds for interval in plot.intervals(result)), plot.at(result)
    drawn: dict[str, Any] = {"color": style.colour, "linewidth": 1.2, "alpha": 0.7, "zorder": 2, "gid": style.tag}
    if up:
        axes.vlines(x, *up, **drawn)
    if across:
        axes.hlines(y, *across, **drawn)
