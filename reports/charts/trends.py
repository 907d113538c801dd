"""One metric of one strategy over baselines, in the order in which they were recorded."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from bench.analysis.words.numbers import NOT_MEASURED
from bench.gate.judging.judgement import GATED
from bench.gate.judging.words import signed, value_of
from bench.gate.outputs.baseline_tables import middle, named

from .chart import Chart
from .layout import byte_ticks, ticks
from .pair_changes import change_between, frameless
from .theme import INK, SERIES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.gate.judging.baseline import Baseline, Recorded

    _Points = Sequence[tuple[Baseline, Recorded]]

__all__ = ["trend"]

_CAPTION = (
    "A diamond is the middle of the processes of one baseline, a dot one process. A line joins baselines of one machine, "
    "one set of versions and the same work; where it breaks, values are not comparable."
)
_MOST_LABELS = 6


def trend(strategy: str, metric: str, baselines: Sequence[Baseline], name: str) -> Chart:
    """Make the chart; the baselines must be in order. It is missing where none measured the metric."""
    points = [
        (baseline, recorded)
        for baseline in baselines
        if (recorded := baseline.strategies.get(strategy)) and middle(recorded, metric) is not None
    ]
    shown = named(metric, is_of_files=all(baseline.is_of_files for baseline, _ in points))
    return Chart(
        name=name,
        title=f"{strategy}, {GATED[shown].label}: {_finding(metric, points)}",
        caption=_CAPTION,
        alternative=f"{GATED[shown].label} by baseline: " + ", ".join(
            f"{_when(baseline)} {value_of(metric, middle(recorded, metric))}" for baseline, recorded in points
        ) + ".",
        table=(
            ("recorded", "commit", "value", "lowest", "highest", "since the one before"),
            *_lines(metric, points),
        ),
        draw=lambda width: _draw(metric, points, width),
        missing="" if points else "no baseline measured it",
    )  # fmt: skip


def _finding(metric: str, points: _Points) -> str:
    """How the last comparable stretch went."""
    if not points:
        return "not measured"
    stretch = _stretches(points)[-1]
    first, last = (middle(recorded, metric) or 0.0 for _, recorded in (stretch[0], stretch[-1]))
    if len(stretch) == 1:
        return f"{value_of(metric, last)}, with none to compare it with" if len(points) > 1 else value_of(metric, last)
    return (
        f"{value_of(metric, last)}, {signed(metric, change_between(metric, first, last))} since {_when(stretch[0][0])}"
    )


def _lines(metric: str, points: _Points) -> list[tuple[str, ...]]:
    lines: list[tuple[str, ...]] = []
    for stretch in _stretches(points):
        before = None
        for baseline, recorded in stretch:
            value = middle(recorded, metric) or 0.0
            every = [getattr(process, metric) for process in recorded.processes]
            moved = NOT_MEASURED if before is None else signed(metric, change_between(metric, before, value))
            ends = (value_of(metric, min(every)), value_of(metric, max(every)))
            commit = (baseline.side.commit or NOT_MEASURED)[:8]
            lines.append((_when(baseline), commit, value_of(metric, value), *ends, moved))
            before = value
    return lines


def _stretches(points: _Points) -> list[list[tuple[Baseline, Recorded]]]:
    """Cut where machine, versions or work change."""
    return [list(run) for _, run in groupby(points, key=_circumstances)]


def _circumstances(point: tuple[Baseline, Recorded]) -> tuple[object, ...]:
    """What must be equal for values to be compared; other strategies that were recorded beside do not matter."""
    baseline, recorded = point
    work = {name: value for name, value in baseline.work.items() if name != "strategies"}
    return baseline.side.fingerprint, work, recorded.data_digest


def _when(baseline: Baseline) -> str:
    return f"{baseline.recorded:%Y-%m-%d %H:%M}"


def _draw(metric: str, points: _Points, width: float) -> Figure:
    figure = Figure(figsize=(width, 2.1), layout="constrained")
    axes = figure.subplots()
    at = 0
    for stretch in _stretches(points):
        places = range(at, at + len(stretch))
        at += len(stretch)
        for place, (_, recorded) in zip(places, stretch, strict=True):
            values = [getattr(process, metric) for process in recorded.processes]
            axes.plot([place] * len(values), values, color=SERIES[0], marker="o", markersize=3, linestyle="none")
        middles = [middle(recorded, metric) or 0.0 for _, recorded in stretch]
        axes.add_line(Line2D(places, middles, color=INK, marker="D", markersize=6, linewidth=1.5))
    axes.margins(y=0.15)
    axes.set_xlim(-0.5, at - 0.5)
    shown = range(0, at, -(-at // _MOST_LABELS))
    axes.set_xticks([*shown], [f"{points[place][0].recorded:%m-%d}" for place in shown])
    low, high = axes.get_ylim()
    axes.yaxis.set_major_locator(byte_ticks(low, high) if metric == "training_memory_bytes" else ticks(4))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: GATED[metric].format(value)))
    frameless(axes)
    return figure
