"""Learning curves over training time: a thin line per seed, a thick one for their mean, and the target."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import seaborn as sns
from matplotlib.ticker import FuncFormatter, PercentFormatter

from bench.metrics import METRICS, format_seconds
from reports.cells import NOT_MEASURED
from reports.chart import Chart
from reports.layout import canvas, strategy_legend, ticks
from reports.theme import MUTED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.figure import Figure

    from bench.comparison import Comparison, Row
    from reports.theme import Look

__all__ = ["learning_curves", "mean_curve", "seconds_to_reach"]

_MOST_LINES = 100
"""Of seeds; more can be neither told apart nor sent to a phone."""


def learning_curves(comparison: Comparison, styles: Mapping[str, Look], prefix: str) -> Chart:
    """Make the chart; it is missing where no finished run has a point."""
    means = {row.strategy: mean_curve(row) for row in comparison.rows if row.finished and _has_points(row)}
    base = comparison.reference if comparison.reference in means else None
    target = float(means[base]["accuracy"].iloc[-1]) if base is not None else None
    reached = {name: seconds_to_reach(curve, target) for name, curve in means.items()}
    ends = {
        name: (float(curve["accuracy"].iloc[-1]), float(curve["seconds"].iloc[-1])) for name, curve in means.items()
    }
    aim = (
        f" The dashed line is where {base} ends, and a cross the first point of a mean at or above it." if base else ""
    )
    return Chart(
        name=f"{prefix}learning_curves",
        title=_title(base, reached),
        caption="Accuracy on the first rows of the evaluation set over the seconds spent training; evaluating takes no "
        f"time here. Thick lines are means over seeds, thin ones single seeds.{aim}",
        alternative="Line plot of accuracy over training time. "
        + "; ".join(f"{name} ends at {end:.1%} after {format_seconds(last)}" for name, (end, last) in ends.items())
        + ".",
        table=(
            (
                "strategy",
                "accuracy at the end",
                "training time",
                f"time until {base} is reached" if base else "time to target",
            ),
            *((name, f"{end:.1%}", format_seconds(last), _time(reached[name])) for name, (end, last) in ends.items()),
        ),
        draw=lambda width: _draw(
            [row for row in comparison.rows if row.strategy in means], means, target, styles, width
        ),
        missing="" if means else "no finished run has a point of a learning curve",
    )


def mean_curve(row: Row) -> pd.DataFrame:
    """The mean over seeds of each point: columns step, seconds and accuracy."""
    return _points(row).groupby("step", as_index=False)[["seconds", "accuracy"]].mean()


def seconds_to_reach(curve: pd.DataFrame, target: float | None) -> float | None:
    """Training time of the first point at or above the target; None where none is."""
    reached = curve[curve["accuracy"] >= target] if target is not None else curve[:0]
    return None if reached.empty else float(reached["seconds"].iloc[0])


def _has_points(row: Row) -> bool:
    return any(record.measured and record.measured.curve for record in row.finished)


def _points(row: Row) -> pd.DataFrame:
    return pd.DataFrame(
        [
            (record.spec.seed, point.step, point.seconds, point.accuracy)
            for record in row.finished
            if record.measured
            for point in record.measured.curve
        ],
        columns=["seed", "step", "seconds", "accuracy"],
    )


def _title(base: str | None, reached: Mapping[str, float | None]) -> str:
    others = {name: seconds for name, seconds in reached.items() if seconds is not None and name != base}
    if base is None or len(reached) == 1:
        return "Accuracy over training time"
    if not others:
        return f"No other mean curve reaches the accuracy at which {base} ends"
    first = min(others, key=others.__getitem__)
    return f"{first} is the first to reach where {base} ends: in {_time(others[first])}; {base} takes {_time(reached[base])}"


def _time(seconds: float | None) -> str:
    return NOT_MEASURED if seconds is None else METRICS["train_seconds"].format(seconds)


def _draw(
    rows: list[Row], means: Mapping[str, pd.DataFrame], target: float | None, styles: Mapping[str, Look], width: float
) -> Figure:
    figure, axes = canvas(width, [row.strategy for row in rows])
    thin = sum(len(row.finished) for row in rows if len(row.finished) > 1) <= _MOST_LINES
    for row in rows:
        look, curve = styles[row.strategy], means[row.strategy]
        if thin and len(row.finished) > 1:
            before = len(axes.lines)
            sns.lineplot(
                _points(row), x="seconds", y="accuracy", units="seed", estimator=None, ax=axes, legend=False,
                color=look.colour, linestyle=look.dash, linewidth=0.8, alpha=0.7,
            )  # fmt: skip
            for line in axes.lines[before:]:
                line.set_gid(f"{look.tag} seed")
        axes.plot(
            curve["seconds"], curve["accuracy"], color=look.colour, linestyle=look.dash, marker=look.marker,
            markersize=5, linewidth=2, gid=look.tag,
        )  # fmt: skip
        seconds = seconds_to_reach(curve, target)
        if seconds is not None:
            height = curve.loc[curve["seconds"] == seconds, "accuracy"]
            axes.plot(
                [seconds], height, color=look.colour, marker="x", markersize=11, markeredgewidth=1.5, gid=look.tag
            )
    if target is not None:
        axes.axhline(target, color=MUTED, linewidth=0.8, linestyle=(0, (3, 2)), zorder=1)
    axes.set(xlabel="training time", ylabel="accuracy")
    axes.set_xlim(left=0)
    axes.xaxis.set_major_locator(ticks(4))
    axes.yaxis.set_major_locator(ticks(5))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: format_seconds(value) if value else "0"))
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    strategy_legend(figure, [(row.strategy, styles[row.strategy]) for row in rows], width, lines=True)
    return figure
