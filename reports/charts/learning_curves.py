"""Learning curves over training time: a thin line per seed, a thick one for their mean, and the target."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd
import seaborn as sns
from matplotlib.ticker import FuncFormatter, PercentFormatter

from bench.analysis.quality import SPEED
from bench.analysis.words.numbers import measured
from bench.records.extract import seconds_to_accuracy
from bench.records.metrics import METRICS, format_seconds

from .chart import Chart, first_of
from .layout import canvas, strategy_legend, ticks
from .theme import MUTED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from bench.analysis.comparison import Comparison
    from bench.analysis.strategy_result import StrategyResult
    from bench.records.evaluation import CurvePoint

    from .theme import Style

__all__ = ["learning_curves"]

_TIME = METRICS["train_seconds"]

_MOST_LINES = 100
"""Of seeds; more can be neither told apart nor sent to a phone."""


class _Point(NamedTuple):
    seconds: float
    accuracy: float


@dataclass(frozen=True, slots=True)
class _Curve:
    """The learning curve of a strategy."""

    result: StrategyResult
    points: tuple[_Point, ...]
    """Each the mean over seeds."""

    @classmethod
    def of(cls, result: StrategyResult) -> _Curve:
        by_step: dict[int, list[CurvePoint]] = {}
        for run in result.measured.values():
            for point in run.curve:
                by_step.setdefault(point.step, []).append(point)
        means = (
            _Point(fmean(point.seconds for point in points), fmean(point.accuracy for point in points))
            for _, points in sorted(by_step.items())
        )
        return cls(result, tuple(means))

    @property
    def end(self) -> _Point:
        return self.points[-1]

    def seconds_to(self, target: float | None) -> float | None:
        return None if target is None else seconds_to_accuracy(self.points, target)


def learning_curves(comparison: Comparison, styles: Mapping[str, Style], prefix: str) -> Chart:
    """Make the chart; it is missing where no finished run has a point."""
    curves = [curve for curve in map(_Curve.of, comparison.arrangement.all) if curve.points]
    results, left_out = first_of(comparison, [curve.result for curve in curves])
    drawn = [curve for curve in curves if curve.result in results]
    reference = next((curve for curve in curves if curve.result.is_reference), None)
    target, base = (reference.end.accuracy, reference.result.strategy) if reference else (None, "")
    told = (
        f"{curve.result.strategy} ends at {curve.end.accuracy:.1%} after {format_seconds(curve.end.seconds)}"
        for curve in drawn
    )
    aim = f" The dashed line is where {base} ends, and a cross marks where a mean first reaches it." if base else ""
    return Chart(
        name=f"{prefix}learning_curves",
        title=_title(comparison, {curve.result.strategy: curve.seconds_to(target) for curve in curves}),
        caption="Accuracy on the first rows of the evaluation set over the seconds spent training; evaluating takes no "
        f"time here. Thick lines are means over seeds, thin ones single seeds.{aim}{left_out}",
        alternative=f"Line plot of accuracy over training time. {'; '.join(told)}.",
        table=(
            (
                "strategy",
                "accuracy at the end",
                "training time",
                f"time until {base} is reached" if base else "time to target",
            ),
            *(
                (
                    curve.result.strategy,
                    f"{curve.end.accuracy:.1%}",
                    format_seconds(curve.end.seconds),
                    measured(_TIME, curve.seconds_to(target)),
                )
                for curve in curves
            ),
        ),
        draw=lambda width: _draw(drawn, target, styles, width),
        missing="" if curves else "no finished run has a point of a learning curve",
    )


def _title(comparison: Comparison, reached: Mapping[str, float | None]) -> str:
    """Repeat of a winner, if it is one alone and faster, that it is; single curves claim nothing."""
    base, winners = comparison.reference or "", comparison.winners
    seconds = reached.get(winners[0]) if len(winners) == 1 and winners[0] != base else None
    if seconds is None or comparison.ranking.claims.standing(SPEED, winners[0], base) != 1:
        return "Accuracy over training time"
    return f"{winners[0]} reaches where {base} ends in {measured(_TIME, seconds)}; {base} takes {measured(_TIME, reached[base])}"


def _draw(curves: Sequence[_Curve], target: float | None, styles: Mapping[str, Style], width: float) -> Figure:
    figure, axes = canvas(width, [curve.result.strategy for curve in curves])
    thin = sum(len(curve.result.finished) for curve in curves if len(curve.result.finished) > 1) <= _MOST_LINES
    for curve in curves:
        style, reached = styles[curve.result.strategy], curve.seconds_to(target)
        if thin and len(curve.result.finished) > 1:
            _draw_seeds(axes, curve.result, style)
        axes.plot(
            [point.seconds for point in curve.points], [point.accuracy for point in curve.points], color=style.colour,
            linestyle=style.dash, marker=style.marker, markersize=5, linewidth=2, gid=style.tag,
        )  # fmt: skip
        for point in curve.points:
            if point.seconds == reached:
                axes.plot(
                    [point.seconds], [point.accuracy], color=style.colour, marker="x", markersize=11,
                    markeredgewidth=1.5, gid=style.tag,
                )  # fmt: skip
    if target is not None:
        axes.axhline(target, color=MUTED, linewidth=0.8, linestyle=(0, (3, 2)), zorder=1)
    axes.set(xlabel="training time", ylabel="accuracy")
    axes.set_xlim(left=0)
    axes.xaxis.set_major_locator(ticks(4))
    axes.yaxis.set_major_locator(ticks(5))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: format_seconds(value) if value else "0"))
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    strategy_legend(
        figure, [(curve.result.strategy, styles[curve.result.strategy]) for curve in curves], width, lines=True
    )
    return figure


def _draw_seeds(axes: Axes, result: StrategyResult, style: Style) -> None:
    points = pd.DataFrame(
        [(seed, point.seconds, point.accuracy) for seed, run in result.measured.items() for point in run.curve],
        columns=["seed", "seconds", "accuracy"],
    )
    before = len(axes.lines)
    sns.lineplot(
        points, x="seconds", y="accuracy", units="seed", estimator=None, ax=axes, legend=False, color=style.colour,
        linestyle=style.dash, linewidth=0.8, alpha=0.7,
    )  # fmt: skip
    for line in axes.lines[before:]:
        line.set_gid(f"{style.tag} seed")
