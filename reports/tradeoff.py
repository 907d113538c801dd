"""Training memory against quality: seeds as dots, the mean as a shape with both intervals, and the frontier."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import seaborn as sns
from matplotlib.ticker import FuncFormatter, PercentFormatter

from bench import stats
from bench.metrics import METRICS, format_bytes
from bench.phrases import listed
from reports.cells import cell
from reports.chart import Chart
from reports.layout import byte_ticks, canvas, strategy_legend, ticks
from reports.theme import INK, MUTED, PAPER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from bench.comparison import Comparison, Row
    from bench.stats import Interval
    from reports.theme import Look

__all__ = ["tradeoff"]

_MEMORY = "training_memory_bytes"
_MOST_DOTS = 1000
"""Of seeds; more are a cloud, and weigh more than the rest of the page."""


def tradeoff(comparison: Comparison, styles: Mapping[str, Look], prefix: str) -> Chart:
    """Make the chart; it is missing where no run has both a memory and a quality."""
    metric, word = comparison.quality.metric, comparison.quality.word
    rows = [row for row in comparison.rows if row.finished and None not in (row.means[_MEMORY], row.means[metric])]
    best = _unbeaten(comparison, rows)
    told = "; ".join(f"{row.strategy}: {cell(row, _MEMORY).value}, {cell(row, metric).value}" for row in rows)
    hollow = (
        f" A shape is hollow where another strategy is detectably better in speed, memory or {word} and worse in none; "
        f"the line joins those of the others with the best {word} for their memory."
    )
    return Chart(
        name=f"{prefix}tradeoff",
        title=_title(rows, best, word),
        caption=f"Up and to the left is better. Small dots are seeds (where all are {_MOST_DOTS:,} at most), the shape is their mean, bars are 95% intervals "
        f"({word} over evaluation rows, memory over seeds).{hollow if best else ''}",
        alternative=f"Scatter plot of training memory and {word}. {told}.",
        table=(
            ("strategy", "training memory", "95% interval", word, "95% interval", "on the frontier"),
            *(
                (
                    row.strategy,
                    cell(row, _MEMORY).value,
                    _written(_MEMORY, _memory(row)),
                    cell(row, metric).value,
                    _written(metric, row.quality_interval),
                    _place(row, comparison),
                )
                for row in rows
            ),
        ),
        draw=lambda width: _draw(rows, best, [row for row in rows if _place(row, comparison) == "no"], styles, width),
        missing="" if rows else f"no run has both training memory and {word}",
    )


def _title(rows: list[Row], best: list[Row], word: str) -> str:
    if not best or len(rows) == 1:
        return f"{word[0].upper()}{word[1:]} against training memory"
    who = "every strategy" if len(best) == len(rows) else listed((row.strategy for row in best), most=4)
    return f"On the frontier of speed, memory and {word}: {who}"


def _unbeaten(comparison: Comparison, rows: list[Row]) -> list[Row]:
    """The frontier, where there are at least two ranked strategies to have one."""
    return [row for row in rows if _place(row, comparison) == "yes"]


def _place(row: Row, comparison: Comparison) -> str:
    ranking = comparison.ranking
    if len(ranking.names) < 2 or row.strategy not in ranking.names:  # noqa: PLR2004
        return "not ranked"
    return "yes" if row.strategy in ranking.frontier else "no"


def _memory(row: Row) -> Interval:
    return stats.mean(row.samples[_MEMORY])


def _at(row: Row) -> tuple[float, float]:
    memory, quality = row.means[_MEMORY], row.means[row.quality.metric]
    assert memory is not None
    assert quality is not None
    return memory, quality


def _written(metric: str, interval: Interval | None) -> str:
    if interval is None or interval.bounds is None:
        return "none"
    return " to ".join(METRICS[metric].format(bound) for bound in interval.bounds)


def _draw(rows: list[Row], best: list[Row], beaten: list[Row], styles: Mapping[str, Look], width: float) -> Figure:
    figure, axes = canvas(width, [row.strategy for row in rows])
    _draw_frontier(axes, best)
    with_dots = sum(len(row.finished) for row in rows) <= _MOST_DOTS
    for row in rows:
        look = styles[row.strategy]
        _draw_intervals(axes, row, look)
        seeds = sorted(row.samples[_MEMORY].keys() & row.samples[row.quality.metric].keys()) if with_dots else []
        dots: dict[str, Any] = {"linestyle": "none", "marker": "o", "markersize": 3, "markeredgewidth": 0}
        xs, ys = ([row.samples[metric][seed] for seed in seeds] for metric in (_MEMORY, row.quality.metric))
        axes.plot(xs, ys, color=look.colour, gid=f"{look.tag} seed", zorder=3, **dots)
        inner = PAPER if row in beaten else look.colour
        outer = look.colour if row in beaten else INK
        axes.plot(
            *([value] for value in _at(row)), color=look.colour, marker=look.marker, markersize=9, gid=look.tag,
            markerfacecolor=inner, markeredgecolor=outer, markeredgewidth=1, linestyle="none", zorder=4,
        )  # fmt: skip
    if majority := [row.majority_quality for row in rows if row.majority_quality is not None]:
        axes.axhline(majority[0], color=MUTED, linewidth=0.8, linestyle=(0, (2, 2)), zorder=1)
        axes.text(
            1, majority[0], "majority class", transform=axes.get_yaxis_transform(), ha="right", va="bottom", color=MUTED
        )
    axes.set(xlabel="training memory", ylabel=rows[0].quality.word)
    axes.margins(0.1, 0.12)
    axes.xaxis.set_major_locator(byte_ticks(*axes.get_xlim()))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: format_bytes(value)))
    axes.yaxis.set_major_locator(ticks(6))
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    strategy_legend(figure, [(row.strategy, styles[row.strategy]) for row in rows], width, lines=False)
    return figure


def _draw_frontier(axes: Axes, best: list[Row]) -> None:
    """Join those that no other has more quality at less memory than, by their means."""
    points = np.array([_at(row) for row in best]).reshape(-1, 2)
    kept = stats.pareto([(-memory, quality) for memory, quality in points])
    line = sorted((memory, quality) for (memory, quality), keep in zip(points, kept, strict=True) if keep)
    if len(line) > 1:
        xs, ys = zip(*line, strict=True)
        sns.lineplot(x=xs, y=ys, color=MUTED, linewidth=1, zorder=1, ax=axes, estimator=None)


def _draw_intervals(axes: Axes, row: Row, look: Look) -> None:
    across, up = _memory(row).bounds, row.quality_interval and row.quality_interval.bounds
    drawn: dict[str, Any] = {"color": look.colour, "linewidth": 1.2, "alpha": 0.7, "zorder": 2, "gid": look.tag}
    if up:
        axes.vlines(_at(row)[0], *up, **drawn)
    if across:
        axes.hlines(_at(row)[1], *across, **drawn)
