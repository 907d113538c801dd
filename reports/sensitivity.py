"""Accuracy over the learning rate, of strategies that were run at several: how much a choice of rate decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, PercentFormatter

from bench.metrics import METRICS, format_rate
from reports.chart import Chart
from reports.layout import canvas, strategy_legend, ticks
from reports.scans import by_rate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from bench.comparison import Comparison
    from reports.scans import Point, Scan
    from reports.theme import Look

__all__ = ["rate_sensitivity"]

_ACCURACY = METRICS["accuracy"]


def rate_sensitivity(comparisons: Sequence[Comparison], styles: Mapping[str, Look]) -> Chart:
    """Make the chart; it is missing where no strategy was run at several learning rates."""
    scans = by_rate(comparisons)
    told = "; ".join(
        f"{scan.name}: " + ", ".join(f"{_accuracy(point):.1%} at {format_rate(point.value)}" for point in scan.points)
        for scan in scans
    )
    return Chart(
        name="rate_sensitivity",
        title=_title(scans),
        caption="Accuracy after training over the learning rate that was asked for, all else equal. Shapes are means over "
        "seeds, small dots the seeds, and bars 95% intervals over the evaluation rows. A * is the option that varies.",
        alternative=f"Line plot of accuracy over the learning rate. {told}.",
        table=(
            ("strategy", "learning rate", "accuracy", "95% interval", "seeds"),
            *(
                (
                    point.row.strategy,
                    format_rate(point.value),
                    f"{_accuracy(point):.1%}",
                    " to ".join(_ACCURACY.format(bound) for bound in _bounds(point)),
                    str(len(point.row.finished)),
                )
                for scan in scans
                for point in scan.points
            ),
        ),
        draw=lambda width: _draw(scans, styles, width),
        missing="" if scans else "no strategy was run at several learning rates",
    )


def _accuracy(point: Point) -> float:
    accuracy = point.row.means["accuracy"]
    assert accuracy is not None, "every finished run is evaluated"
    return accuracy


def _bounds(point: Point) -> tuple[float, float]:
    interval = point.row.accuracy
    assert interval is not None, "likewise"
    assert interval.bounds is not None, "a share has an interval"
    return interval.bounds


def _title(scans: Sequence[Scan]) -> str:
    """Name the strategy whose accuracy the rate moves most."""
    if not scans:
        return "Accuracy over the learning rate"
    ends = {scan.name: [choose(scan.points, key=_accuracy) for choose in (min, max)] for scan in scans}
    name, (worst, best) = max(ends.items(), key=lambda found: _accuracy(found[1][1]) - _accuracy(found[1][0]))
    if _accuracy(worst) == _accuracy(best):
        return f"No rate stands out: {name} reaches {_accuracy(best):.1%} at every one"
    said = f"at {format_rate(best.value)} {name} reaches {_accuracy(best):.1%}, at {format_rate(worst.value)} {_accuracy(worst):.1%}"
    return (
        f"The learning rate decides: {said}" if _bounds(worst)[1] < _bounds(best)[0] else f"No rate stands out: {said}"
    )


def _draw(scans: Sequence[Scan], styles: Mapping[str, Look], width: float) -> Figure:
    names = [scan.name for scan in scans]
    figure, axes = canvas(width, names)
    looks = [styles[scan.points[0].row.strategy] for scan in scans]
    for scan, look in zip(scans, looks, strict=True):
        _draw_line(axes, scan, look, styles)
    axes.set(xlabel="learning rate", ylabel="accuracy", xscale="log")
    axes.margins(0.08, 0.12)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=5))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: format_rate(value)))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_locator(ticks(5))
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    strategy_legend(figure, list(zip(names, looks, strict=True)), width, lines=True)
    return figure


def _draw_line(axes: Axes, scan: Scan, look: Look, styles: Mapping[str, Look]) -> None:
    """Draw one strategy; where an option of its name varies, each point is a strategy that a reader may choose."""
    axes.plot(
        [point.value for point in scan.points], [_accuracy(point) for point in scan.points],
        color=look.colour, linestyle=look.dash, linewidth=2, gid=look.tag,
    )  # fmt: skip
    for point in scan.points:
        tag, seeds = styles[point.row.strategy].tag, tuple(point.row.samples["accuracy"].values())
        axes.vlines(point.value, *_bounds(point), color=look.colour, linewidth=1.2, alpha=0.7, gid=tag)
        axes.plot(
            [point.value] * len(seeds), seeds, color=look.colour, marker="o", markersize=3, markeredgewidth=0,
            linestyle="none", gid=f"{tag} seed",
        )  # fmt: skip
        axes.plot(
            [point.value], [_accuracy(point)], color=look.colour, marker=look.marker, markersize=8,
            linestyle="none", gid=tag,
        )  # fmt: skip
