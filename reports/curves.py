"""Learning curves over training time, one line per seed; evaluation is not on the clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import seaborn as sns
from matplotlib.ticker import FuncFormatter, PercentFormatter

from bench.metrics import format_seconds
from reports.layout import canvas, strategy_legend, ticks
from reports.theme import looks

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from bench.comparison import Comparison, Row

__all__ = ["draw_curves", "with_curves"]


def with_curves(comparison: Comparison) -> list[Row]:
    """The strategies with at least one point of a learning curve."""
    return [row for row in comparison.rows if not _points(row).empty]


def draw_curves(comparison: Comparison, width: float) -> Figure:
    """Draw accuracy and evaluation loss over training seconds; `width` in inches."""
    rows, styles = with_curves(comparison), looks(row.strategy for row in comparison.rows)
    figure, (upper, lower) = canvas(width, [row.strategy for row in rows], panels=2, height=4.6)
    for row in rows:
        look, points = styles[row.strategy], _points(row)
        for axes, column in ((upper, "accuracy"), (lower, "loss")):
            sns.lineplot(
                points, x="seconds", y=column, units="seed", estimator=None, ax=axes, legend=False, color=look.colour,
                linestyle=look.dash, marker=look.marker, markersize=5, linewidth=1.4,
            )  # fmt: skip
    upper.set(xlabel="", ylabel="accuracy")
    lower.set(xlabel="training time", ylabel="evaluation loss")
    for axes in (upper, lower):
        axes.set_xlim(left=0)
        axes.xaxis.set_major_locator(ticks(4))
        axes.yaxis.set_major_locator(ticks(5))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: format_seconds(value) if value else "0"))
    upper.yaxis.set_major_formatter(PercentFormatter(1))
    strategy_legend(figure, [(row.strategy, styles[row.strategy]) for row in rows], width, lines=True)
    return figure


def _points(row: Row) -> pd.DataFrame:
    return pd.DataFrame(
        [
            (record.spec.seed, point.seconds, point.accuracy, point.loss)
            for record in row.finished
            if record.measured
            for point in record.measured.curve
        ],
        columns=["seed", "seconds", "accuracy", "loss"],
    )
