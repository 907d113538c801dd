"""Every strategy against the reference in quality, memory and speed: a dot with its interval in each."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

from bench.analysis.claims import NEGLIGIBLE, no_change
from bench.analysis.words.numbers import NOT_MEASURED, bounds, change, group
from bench.records.metrics import METRICS

from .chart import Chart, first_of
from .layout import Lines, text_width, ticks
from .theme import FAINT, INK, MUTED, NARROW

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes

    from bench.analysis.comparison import Comparison
    from bench.analysis.strategy_result import StrategyResult

    from .theme import Style

__all__ = ["differences"]

_FARTHEST = 8
"""Times beyond the estimates at which an interval is cut off, so that a vague one does not hide the others."""


def differences(comparison: Comparison, styles: Mapping[str, Style], prefix: str) -> Chart:
    """Make the chart; it is missing where nothing can be set against the reference."""
    panels = comparison.quality.headlines[::-1]
    results = [result for result in comparison.arrangement.all if any(result.relative[metric] for metric in panels)]
    base, quality = comparison.reference or "", comparison.quality.word
    drawn, left_out = first_of(comparison, results)
    told = "; ".join(
        f"{result.strategy}: {', '.join(_in_words(result, metric) for metric in panels)}" for result in drawn
    )
    return Chart(
        name=f"{prefix}differences",
        title=_title(comparison, results),
        caption=f"Dot and 95% interval against {base}, the vertical line. The band is a difference too small to "
        f"choose by: {NEGLIGIBLE['difference'] * 100:.0f} point of {quality}, {NEGLIGIBLE['ratio']:.0%} of memory and speed. "
        f"A dot without a bar has no interval. Memory and speed are on a logarithmic scale.{left_out}",
        alternative=f"Dot plot of differences to {base}. {told}.",
        table=(
            ("strategy", *(text for metric in panels for text in (METRICS[metric].label, "95% interval"))),
            *((result.strategy, *(text for metric in panels for text in _pair(result, metric))) for result in results),
        ),
        draw=lambda width: _draw(drawn, panels, styles, width),
        missing="" if results else "no strategy can be set against a reference",
    )


def _title(comparison: Comparison, results: list[StrategyResult]) -> str:
    """Count what is claimed: the ranking's claims, not the dots, and none of a strategy that has not learnt."""
    base, ranking, quality = comparison.reference or "", comparison.ranking, comparison.quality
    ranked = [result for result in results if result.strategy in ranking.names]
    unable = [
        result for result in comparison.results if result.strategy in ranking.names and result.beats_majority is False
    ]
    if not ranked or unable or base not in ranking.names:
        return f"Differences to {base}" if base else "Differences to the reference"
    said = []
    words = ("faster", "lighter in memory", quality.better)
    for metric, word in zip(quality.headlines, words, strict=True):
        standings = {result.strategy: ranking.claims.standing(metric, result.strategy, base) for result in ranked}
        better = [name for name, standing in standings.items() if standing == 1]
        if better or any(standing is not None for standing in standings.values()):
            said.append(f"{group(better) if better else 'none'} {'are' if len(better) > 1 else 'is'} {word}")
    return f"Detected against {base}: {', '.join(said)}" if said else f"Differences to {base}"


def _in_words(result: StrategyResult, metric: str) -> str:
    value, between = _pair(result, metric)
    return f"{METRICS[metric].label} {value}" + (f" ({between})" if between != NOT_MEASURED else "")


def _pair(result: StrategyResult, metric: str) -> tuple[str, str]:
    interval = result.relative[metric]
    if interval is None:
        return NOT_MEASURED, NOT_MEASURED
    return change(METRICS[metric], interval.estimate), bounds(METRICS[metric], interval) or NOT_MEASURED


def _draw(
    results: Sequence[StrategyResult], panels: tuple[str, ...], styles: Mapping[str, Style], width: float
) -> Figure:
    """Put the panels side by side, or one below the other on a phone."""
    narrow = width <= NARROW
    panel = width - 0.4 if narrow else width / 3 - 0.2
    beside = max(text_width(_pair(result, metric)[0]) for result in results for metric in panels) + 0.2
    lines = Lines.of([(result.strategy, styles[result.strategy]) for result in results], panel, 0.2, beside)
    height = (lines.height + 0.6) * (3 if narrow else 1)
    figure = Figure(figsize=(width, height), layout="constrained")
    shape = (3, 1) if narrow else (1, 3)
    for index, (metric, axes) in enumerate(zip(panels, figure.subplots(*shape).flat, strict=True)):
        lines.write(axes, [_pair(result, metric)[0] for result in results], names=narrow or not index)
        axes.hlines(lines.centres, 0, 1, transform=axes.get_yaxis_transform(), color=FAINT, linewidth=0.6, zorder=0)
        for result, style, centre in zip(results, lines.styles, lines.centres, strict=True):
            _draw_one(axes, result, metric, centre, style)
        _scale(axes, results, metric)
        _draw_same(axes, metric, lines)
    return figure


def _draw_one(axes: Axes, result: StrategyResult, metric: str, height: float, style: Style) -> None:
    interval = result.relative[metric]
    if interval is None:
        return
    # Added bare: the axis is set afterwards, and updating its limits mark by mark takes most of the time.
    if interval.bounds:
        axes.add_line(Line2D(interval.bounds, [height] * 2, color=style.colour, linewidth=2, zorder=2, gid=style.tag))
    axes.add_line(
        Line2D(
            [interval.estimate], [height], color=style.colour, marker=style.marker, markersize=7, markeredgecolor=INK,
            markeredgewidth=0.7, linestyle="none", zorder=3, gid=style.tag,
        )
    )  # fmt: skip


def _scale(axes: Axes, results: Sequence[StrategyResult], metric: str) -> None:
    """Keep the axis near the estimates, "the same" and the band around it."""
    same, band, is_ratio = no_change(metric), _band(metric), METRICS[metric].compare == "ratio"
    found = [interval for result in results if (interval := result.relative[metric])]
    estimates = [same, *band, *(interval.estimate for interval in found)]
    ends = [*estimates, *(bound for interval in found for bound in interval.bounds or ())]
    if is_ratio:
        axes.set_xscale("log", base=2)
        low, high = max(min(ends), min(estimates) / _FARTHEST), min(max(ends), max(estimates) * _FARTHEST)
        pad = (high / low) ** 0.08
        axes.set_xlim(low / pad, high * pad)
        wide = high / low > 3  # noqa: PLR2004  (round numbers crowd on a scale of factors)
        axes.xaxis.set_major_locator(LogLocator(base=_step(high / low), numticks=5) if wide else ticks(3))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_minor_formatter(NullFormatter())
    else:
        reach = max(map(abs, estimates)) * _FARTHEST
        low, high = max(min(ends), -reach), min(max(ends), reach)
        axes.set_xlim(low - 0.08 * (high - low), high + 0.08 * (high - low))
        axes.xaxis.set_major_locator(ticks(3))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _tick(metric, value)))
    axes.set_xlabel("speed" if METRICS[metric].unit == "samples/s" else METRICS[metric].label)


def _band(metric: str) -> tuple[float, float]:
    margin = NEGLIGIBLE[METRICS[metric].compare]
    return (1 / (1 + margin), 1 + margin) if METRICS[metric].compare == "ratio" else (-margin, margin)


def _draw_same(axes: Axes, metric: str, lines: Lines) -> None:
    """Mark "the same" and the band around it behind every mark, and leave the names between them clear."""
    low, high = _band(metric)
    ends = [(bottom - lines.mark, bottom + 0.02) for bottom in lines.bottoms]
    boxes = [[(low, top), (high, top), (high, bottom), (low, bottom)] for top, bottom in ends]
    axes.add_collection(PolyCollection(boxes, color=FAINT, alpha=0.5, linewidth=0, zorder=0), autolim=False)
    axes.vlines([no_change(metric)] * len(ends), *zip(*ends, strict=True), color=MUTED, linewidth=1, zorder=1)


def _step(span: float) -> float:
    """The factor between ticks, a power of two, for four of them at most."""
    return float(2 ** max(1, math.ceil(math.log2(span) / 4)))


def _tick(metric: str, value: float) -> str:
    if METRICS[metric].compare == "ratio":
        return f"{value:.3g}\N{MULTIPLICATION SIGN}"
    return f"{value * 100:+.3g}".replace("-", "\N{MINUS SIGN}").replace("+0", "0") if value else "0"
