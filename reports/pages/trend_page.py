"""Baselines over time as one HTML file that needs no network and no script; it shows, and judges nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.files import replace_file
from bench.gate.outputs.baseline_tables import RECORDED

from ..charts.drawing import to_svg
from ..charts.theme import NARROW
from ..charts.trends import trend
from .templating import asset, render

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bench.gate.judging.baseline import Baseline

__all__ = ["FILE_NAME", "render_trend", "write_trend"]

FILE_NAME = "trend.html"


def write_trend(baselines: Sequence[Baseline], directory: Path) -> Path:
    """Write the page into a directory; return its path.

    Raises:
        OSError: the directory cannot be written.

    """
    path = directory / FILE_NAME
    replace_file(path, render_trend(baselines).encode())
    return path


def render_trend(baselines: Sequence[Baseline]) -> str:
    """Render the page, the oldest baseline first. Names come from outside and are escaped; the figures are ours."""
    ordered = sorted(baselines, key=lambda baseline: baseline.recorded)
    strategies = dict.fromkeys(name for baseline in ordered for name in baseline.strategies)
    charts = [
        trend(name, metric, ordered, f"trend-{index}-{metric}")
        for index, name in enumerate(strategies)
        for metric in RECORDED
    ]
    num = len(ordered)
    return render(
        "trend.html",
        own_css=asset("gate.css"),
        headline=f"{num} baseline{'s' if num > 1 else ''}, {ordered[0].recorded:%Y-%m-%d} to {ordered[-1].recorded:%Y-%m-%d}",
        charts=[(chart, to_svg(chart, NARROW)) for chart in charts if not chart.missing],
        baselines=list(reversed(ordered)),
    )
