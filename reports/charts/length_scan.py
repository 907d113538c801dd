"""Time and memory over the maximal length of a text, of strategies that were run at several."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.ticker import FuncFormatter

from bench.analysis.scans import by_length
from bench.analysis.words.numbers import NOT_MEASURED, change
from bench.records.metrics import METRICS, format_bytes, format_seconds
from reports.charts.chart import Chart
from reports.charts.layout import byte_ticks, canvases, strategy_legend, ticks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from bench.analysis.comparison import Comparison
    from bench.analysis.scans import Point, Scan
    from bench.analysis.strategy_result import StrategyResult
    from reports.charts.theme import Style

__all__ = ["length_scan"]


def length_scan(comparisons: Sequence[Comparison], styles: Mapping[str, Style]) -> Chart:
    """Make the chart; it is missing where no strategy was run at several lengths."""
    scans = by_length(comparisons)
    told = "; ".join(
        f"{scan.name}: "
        + ", ".join(f"{point.value:.0f} tokens {' and '.join(_written(point))}" for point in scan.points)
        for scan in scans
    )
    return Chart(
        name="length_scan",
        title=_title(scans),
        caption="Training time per sample, and training memory, over the length at which texts are cut, all else equal; shorter "
        "texts are not made longer. Shapes are means over seeds, small dots the seeds.",
        alternative=f"Line plots of time per sample and of training memory over the maximal length. {told}.",
        table=(
            ("strategy", "maximal length", "time per sample", "training memory", "tokens per sample", "seeds"),
            *(
                (
                    point.result.strategy,
                    f"{point.value:.0f}",
                    *_written(point),
                    f"{_tokens_per_sample(point.result):.1f}",
                    str(len(point.result.finished)),
                )
                for scan in scans
                for point in scan.points
            ),
        ),
        draw=lambda width: _draw(scans, styles, width),
        missing="" if scans else "no strategy was run at several maximal lengths",
    )


def _seconds(result: StrategyResult) -> dict[int, float]:
    """Seconds of training per sample, by seed."""
    return {seed: 1 / rate for seed, rate in result.samples["samples_per_second"].items()}


def _memory(result: StrategyResult) -> dict[int, float]:
    return result.samples["training_memory_bytes"]


def _mean(samples: Mapping[int, float]) -> float | None:
    return sum(samples.values()) / len(samples) if samples else None


def _written(point: Point) -> tuple[str, str]:
    seconds, memory = _mean(_seconds(point.result)), _mean(_memory(point.result))
    return (
        NOT_MEASURED if seconds is None else format_seconds(seconds),
        NOT_MEASURED if memory is None else format_bytes(memory),
    )


def _tokens_per_sample(result: StrategyResult) -> float:
    runs = result.measured.values()
    return sum(run.num_tokens for run in runs) / sum(run.num_samples for run in runs)


def _title(scans: Sequence[Scan]) -> str:
    """Say what the longest costs against the shortest, of a reference where there is one."""
    if not scans:
        return "Time and memory over the maximal length"
    told = next((scan for scan in scans if scan.points[0].result.is_reference), scans[0])
    first, last = told.points[0], told.points[-1]
    said = []
    for read, metric, word in (
        (_seconds, "train_seconds", "time per sample"),
        (_memory, "training_memory_bytes", "memory"),
    ):
        short, long = (_mean(read(point.result)) for point in (first, last))
        if short and long:
            said.append(f"{change(METRICS[metric], long / short)} the {word}")
    return f"From {first.value:.0f} to {last.value:.0f} tokens, {told.name} takes {' and '.join(said)}"


def _draw(scans: Sequence[Scan], styles: Mapping[str, Style], width: float) -> Figure:
    entries = [(scan.name, styles[scan.points[0].result.strategy]) for scan in scans]
    measured = [
        quantity
        for quantity in ((_seconds, "time per sample", format_seconds), (_memory, "training memory", format_bytes))
        if any(quantity[0](point.result) for scan in scans for point in scan.points)
    ]
    figure, panels = canvases(width, [scan.name for scan in scans], len(measured))
    for axes, (read, label, write) in zip(panels, measured, strict=True):
        for scan, (_, style) in zip(scans, entries, strict=True):
            _draw_line(axes, [(point.value, read(point.result)) for point in scan.points], style)
        axes.set(xlabel="maximal length", ylabel=label)
        axes.set_xlim(0, 1.06 * axes.dataLim.x1)
        axes.set_ylim(0, 1.08 * axes.dataLim.y1)
        axes.xaxis.set_major_locator(ticks(4))
        axes.yaxis.set_major_locator(ticks(4) if read is _seconds else byte_ticks(*axes.get_ylim()))
        axes.yaxis.set_major_formatter(_formatter(write))
    strategy_legend(figure, entries, width, lines=True)
    return figure


def _formatter(write: Callable[[float], str]) -> FuncFormatter:
    return FuncFormatter(lambda value, _: write(value) if value else "0")


def _draw_line(axes: Axes, measured: Sequence[tuple[float, Mapping[int, float]]], style: Style) -> None:
    known = [(length, samples) for length, samples in measured if samples]
    for length, samples in known:
        axes.plot(
            [length] * len(samples), list(samples.values()), color=style.colour, marker="o", markersize=3,
            markeredgewidth=0, linestyle="none", gid=f"{style.tag} seed",
        )  # fmt: skip
    axes.plot(
        [length for length, _ in known], [sum(samples.values()) / len(samples) for _, samples in known],
        color=style.colour, linestyle=style.dash, marker=style.marker, markersize=7, linewidth=2, gid=style.tag,
    )  # fmt: skip
