"""Quality over the learning rate, of strategies that were run at several: how much a choice of rate decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, PercentFormatter

from bench.analysis.scans import by_rate, extremes, told_apart, with_quality
from bench.analysis.words.numbers import percent
from bench.records.metrics import format_rate

from .layout import ticks
from .scan_chart import Quantity, Setting, scan_chart

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes

    from bench.analysis.comparison import Comparison
    from bench.analysis.scans import Scan
    from bench.analysis.strategy_result import StrategyResult

    from .chart import Chart
    from .theme import Style

__all__ = ["rate_scan"]


def rate_scan(comparisons: Sequence[Comparison], styles: Mapping[str, Style]) -> Chart:
    """Make the chart; it is missing where no strategy was run at several learning rates."""
    scans = with_quality(by_rate(comparisons))
    word = comparisons[0].quality.word if comparisons else "quality"
    quality = Quantity(word, percent, lambda result: result.samples[result.quality.metric], _bounds)
    return scan_chart(
        scans,
        Setting("learning rate", format_rate, _arrange),
        (quality,),
        styles,
        name="rate_sensitivity",
        title=_title(scans, quality, comparisons),
        caption=f"{_capital(word)} after training over the learning rate that was asked for, all else equal. Shapes are means over "
        "seeds, small dots the seeds, and bars 95% intervals over the evaluation rows. A * is the option that varies.",
        extra=("95% interval", _interval),
    )


def _bounds(result: StrategyResult) -> tuple[float, float] | None:
    return result.quality_interval.bounds if result.quality_interval else None


def _interval(result: StrategyResult) -> str:
    bounds = _bounds(result)
    return " to ".join(map(percent, bounds)) if bounds else "none"


def _capital(word: str) -> str:
    return word[:1].upper() + word[1:]


def _title(scans: Sequence[Scan], quality: Quantity, comparisons: Sequence[Comparison]) -> str:
    """Name the strategy whose quality the rate moves most, and claim that it does only where two rates are told apart."""
    if not scans:
        return f"{_capital(quality.label)} over the learning rate"
    name, worst, best = extremes(scans)
    low, high = quality.written(worst.result), quality.written(best.result)
    if quality.mean(worst.result) == quality.mean(best.result):
        return f"No rate stands out: {name} reaches {high} at every one"
    if best.result.beats_majority is False:
        return f"{_capital(quality.label)} over the learning rate"
    said = f"at {format_rate(best.value)} {name} reaches {high}, at {format_rate(worst.value)} {low}"
    return f"{'The learning rate decides' if told_apart(worst, best, comparisons) else 'No rate stands out'}: {said}"


def _arrange(axes: Axes, _: Quantity) -> None:
    """Use a logarithmic scale for rates."""
    axes.set_xscale("log")
    axes.margins(0.08, 0.12)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=5))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: format_rate(value)))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_locator(ticks(5))
    axes.yaxis.set_major_formatter(PercentFormatter(1))
