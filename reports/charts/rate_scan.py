"""Quality over the learning rate, of strategies that were run at several: how much a choice of rate decides."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, PercentFormatter

from bench.analysis.scans import by_rate
from bench.records.metrics import format_rate
from reports.charts.chart import Chart
from reports.charts.layout import canvas, strategy_legend, ticks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from bench.analysis.comparison import Comparison
    from bench.analysis.scans import Point, Scan
    from reports.charts.theme import Style

__all__ = ["rate_sensitivity"]


def rate_sensitivity(comparisons: Sequence[Comparison], styles: Mapping[str, Style]) -> Chart:
    """Make the chart; it is missing where no strategy was run at several learning rates."""
    scans = _evaluated(by_rate(comparisons))
    word = comparisons[0].quality.word if comparisons else "quality"
    told = "; ".join(
        f"{scan.name}: " + ", ".join(f"{_quality(point):.1%} at {format_rate(point.value)}" for point in scan.points)
        for scan in scans
    )
    return Chart(
        name="rate_sensitivity",
        title=_title(scans, word, comparisons),
        caption=f"{_capital(word)} after training over the learning rate that was asked for, all else equal. Shapes are means over "
        "seeds, small dots the seeds, and bars 95% intervals over the evaluation rows. A * is the option that varies.",
        alternative=f"Line plot of {word} over the learning rate. {told}.",
        table=(
            ("strategy", "learning rate", word, "95% interval", "seeds"),
            *(
                (
                    point.result.strategy,
                    format_rate(point.value),
                    f"{_quality(point):.1%}",
                    " to ".join(f"{bound:.1%}" for bound in bounds) if (bounds := _bounds(point)) else "none",
                    str(len(point.result.finished)),
                )
                for scan in scans
                for point in scan.points
            ),
        ),
        draw=lambda width: _draw(scans, styles, width),
        missing="" if scans else "no strategy was run at several learning rates",
    )


def _evaluated(scans: Sequence[Scan]) -> list[Scan]:
    """Leave out the points whose quality was not measured, and what is no line without them."""
    known = [
        replace(scan, points=tuple(p for p in scan.points if p.result.means[p.result.quality.metric] is not None))
        for scan in scans
    ]
    return [scan for scan in known if len(scan.points) > 1]


def _quality(point: Point) -> float:
    quality = point.result.means[point.result.quality.metric]
    assert quality is not None, "others are left out"
    return quality


def _bounds(point: Point) -> tuple[float, float] | None:
    interval = point.result.quality_interval
    return interval.bounds if interval else None


def _capital(word: str) -> str:
    return word[:1].upper() + word[1:]


def _title(scans: Sequence[Scan], word: str, comparisons: Sequence[Comparison]) -> str:
    """Name the strategy whose quality the rate moves most."""
    if not scans:
        return f"{_capital(word)} over the learning rate"
    ends = {scan.name: [choose(scan.points, key=_quality) for choose in (min, max)] for scan in scans}
    name, (worst, best) = max(ends.items(), key=lambda found: _quality(found[1][1]) - _quality(found[1][0]))
    if _quality(worst) == _quality(best):
        return f"No rate stands out: {name} reaches {_quality(best):.1%} at every one"
    said = f"at {format_rate(best.value)} {name} reaches {_quality(best):.1%}, at {format_rate(worst.value)} {_quality(worst):.1%}"
    if best.result.beats_majority is False:
        return f"{_capital(word)} over the learning rate"
    return f"{'The learning rate decides' if _is_told(worst, best, comparisons) else 'No rate stands out'}: {said}"


def _is_told(worst: Point, best: Point, comparisons: Sequence[Comparison]) -> bool:
    """Whether two rates are told apart: by the claim of a comparison of both, or by intervals of two comparisons."""
    for comparison in comparisons:
        if sum(result is worst.result or result is best.result for result in comparison.results) == 2:  # noqa: PLR2004
            ours, theirs = best.result.strategy, worst.result.strategy
            return comparison.ranking.standing(comparison.quality.metric, ours, theirs) == 1
    low, high = _bounds(best), _bounds(worst)
    return bool(low and high and high[1] < low[0])


def _draw(scans: Sequence[Scan], styles: Mapping[str, Style], width: float) -> Figure:
    names = [scan.name for scan in scans]
    figure, axes = canvas(width, names)
    drawn_as = [styles[scan.points[0].result.strategy] for scan in scans]
    for scan, style in zip(scans, drawn_as, strict=True):
        _draw_line(axes, scan, style, styles)
    axes.set(xlabel="learning rate", ylabel=scans[0].points[0].result.quality.word, xscale="log")
    axes.margins(0.08, 0.12)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=5))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: format_rate(value)))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_locator(ticks(5))
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    strategy_legend(figure, list(zip(names, drawn_as, strict=True)), width, lines=True)
    return figure


def _draw_line(axes: Axes, scan: Scan, style: Style, styles: Mapping[str, Style]) -> None:
    """Draw one strategy; where an option of its name varies, each point is a strategy that a reader may choose."""
    axes.plot(
        [point.value for point in scan.points], [_quality(point) for point in scan.points],
        color=style.colour, linestyle=style.dash, linewidth=2, gid=style.tag,
    )  # fmt: skip
    for point in scan.points:
        tag, seeds = (
            styles[point.result.strategy].tag,
            tuple(point.result.samples[point.result.quality.metric].values()),
        )
        if bounds := _bounds(point):
            axes.vlines(point.value, *bounds, color=style.colour, linewidth=1.2, alpha=0.7, gid=tag)
        axes.plot(
            [point.value] * len(seeds), seeds, color=style.colour, marker="o", markersize=3, markeredgewidth=0,
            linestyle="none", gid=f"{tag} seed",
        )  # fmt: skip
        axes.plot(
            [point.value], [_quality(point)], color=style.colour, marker=style.marker, markersize=8,
            linestyle="none", gid=tag,
        )  # fmt: skip
