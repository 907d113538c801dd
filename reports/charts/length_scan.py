"""Time and memory over the maximal length of a text, of strategies that were run at several."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.ticker import FuncFormatter

from bench.analysis.quality import MEMORY, SPEED
from bench.analysis.scans import by_length
from bench.analysis.words.numbers import change
from bench.records.metrics import METRICS, format_bytes, format_seconds

from .layout import byte_ticks, ticks
from .scan_chart import Quantity, Setting, scan_chart

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes

    from bench.analysis.comparison import Comparison
    from bench.analysis.scans import Scan
    from bench.analysis.strategy_result import StrategyResult

    from .chart import Chart
    from .theme import Style

__all__ = ["length_scan"]

_TIME = Quantity(
    "time per sample",
    format_seconds,
    lambda result: {seed: 1 / rate for seed, rate in result.samples[SPEED].items()},
)
_MEMORY = Quantity(METRICS[MEMORY].label, format_bytes, lambda result: result.samples[MEMORY])


def length_scan(comparisons: Sequence[Comparison], styles: Mapping[str, Style]) -> Chart:
    """Make the chart; it is missing where no strategy was run at several lengths."""
    scans = by_length(comparisons)
    return scan_chart(
        scans,
        Setting("maximal length", lambda length: f"{length:.0f} tokens", _arrange),
        (_TIME, _MEMORY),
        styles,
        name="length_scan",
        title=_title(scans),
        caption="Training time per sample, and training memory, over the length at which texts are cut, all else equal; shorter "
        "texts are not made longer. Shapes are means over seeds, small dots the seeds.",
        extra=("tokens per sample", _tokens_per_sample),
    )


def _tokens_per_sample(result: StrategyResult) -> str:
    runs = result.measured.values()
    return f"{sum(run.num_tokens for run in runs) / sum(run.num_samples for run in runs):.1f}"


def _title(scans: Sequence[Scan]) -> str:
    """What the longest costs against the shortest, of a reference where there is one."""
    if not scans:
        return "Time and memory over the maximal length"
    told = next((scan for scan in scans if scan.points[0].result.is_reference), scans[0])
    first, last = told.points[0], told.points[-1]
    said = []
    for quantity, word in ((_TIME, "time per sample"), (_MEMORY, "memory")):
        short, long = (quantity.mean(point.result) for point in (first, last))
        if short and long:
            said.append(f"{change(METRICS[MEMORY], long / short)} the {word}")
    return f"From {first.value:.0f} to {last.value:.0f} tokens, {told.name} takes {' and '.join(said)}"


def _arrange(axes: Axes, quantity: Quantity) -> None:
    """Let both axes begin at zero."""
    axes.set_xlim(0, 1.06 * axes.dataLim.x1)
    axes.set_ylim(0, 1.08 * axes.dataLim.y1)
    axes.xaxis.set_major_locator(ticks(4))
    axes.yaxis.set_major_locator(byte_ticks(*axes.get_ylim()) if quantity is _MEMORY else ticks(4))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: quantity.write(value) if value else "0"))
