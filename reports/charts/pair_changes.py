"""Head against base, pair by pair: how far every process was from its partner, and how far it may be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from bench.gate.judging.judgement import GATED
from bench.gate.judging.words import change_of, signed, value_of

from .chart import Chart
from .layout import ticks
from .theme import FAINT, INK, MUTED, PAPER, SERIES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from bench.gate.judging.judgement import Finding

__all__ = ["change_between", "frameless", "pair_changes"]

_FARTHEST = 3
"""Times beyond the changes of the pairs at which the interval is cut off."""


_CAPTION = (
    "A dot is one pair of processes, a ring one of a rerun. The square is all pairs, with the bounds that the verdict "
    "rests on; the dashed line is how much worse head may be."
)


@dataclass(frozen=True, slots=True)
class _Changes:
    """What a chart draws, as changes of head against base."""

    first: tuple[float, ...]
    again: tuple[float, ...]
    """Of the rerun."""
    margin: float | None
    """With the sign of "worse"."""


def pair_changes(finding: Finding, name: str) -> Chart:
    """Make the chart of a finding; it is missing where nothing was measured in pairs."""
    kind = GATED[finding.metric]
    changes = _Changes(
        tuple(change_between(finding.metric, *pair) for pair in finding.pairs),
        tuple(change_between(finding.metric, *pair) for pair in finding.rerun_pairs),
        None if finding.margin is None else finding.margin * (-1 if kind.better == "higher" else 1),
    )
    drawn = finding.pairs and finding.change is not None and kind.compare != "none"
    told = ", ".join(signed(finding.metric, change) for change in changes.first)
    again = ", ".join(signed(finding.metric, change) for change in changes.again)
    return Chart(
        name=name,
        title=f"{finding.benchmark}, {kind.label}: {finding.reason}",
        caption=_CAPTION,
        alternative=f"Changes of {kind.label}, pair by pair: {told}{f'; in the rerun {again}' if again else ''}. "
        f"All pairs: {change_of(finding)}.",
        table=(
            ("pair", "base", "head", "change"),
            *_lines(finding.metric, finding.pairs, changes.first, ""),
            *_lines(finding.metric, finding.rerun_pairs, changes.again, "rerun "),
        ),
        draw=lambda width: _draw(finding, changes, width),
        missing="" if drawn else "nothing was measured in pairs",
    )


def change_between(metric: str, base: float, head: float) -> float:
    """Return a change as findings have theirs: a share of base, or a difference."""
    return head - base if GATED[metric].compare == "difference" else head / base - 1


def _lines(
    metric: str, pairs: Sequence[tuple[float, float]], changes: Sequence[float], prefix: str
) -> list[tuple[str, ...]]:
    return [
        (f"{prefix}{number}", value_of(metric, base), value_of(metric, head), signed(metric, change))
        for number, ((base, head), change) in enumerate(zip(pairs, changes, strict=True), start=1)
    ]


def _draw(finding: Finding, changes: _Changes, width: float) -> Figure:
    """Draw pairs from left to right in the order in which they were measured, and what they amount to at the end."""
    figure = Figure(figsize=(width, 2.1), layout="constrained")
    axes = figure.subplots()
    axes.axhline(0, color=MUTED, linewidth=1, zorder=1)
    if changes.margin is not None:
        axes.axhline(changes.margin, color=SERIES[1], linewidth=1.4, linestyle=(0, (4, 2)), zorder=1)
    dot: dict[str, Any] = {"linestyle": "none", "marker": "o", "markersize": 6, "markeredgecolor": INK, "zorder": 3}
    count = len(changes.first)
    axes.add_line(Line2D(range(1, count + 1), changes.first, color=SERIES[0], markeredgewidth=0.7, **dot))
    again = [number + 0.3 for number in range(1, len(changes.again) + 1)]
    axes.add_line(Line2D(again, changes.again, color=PAPER, markeredgewidth=1.2, **dot))
    last = max(count, len(changes.again)) + 1
    if finding.low is not None and finding.high is not None:
        axes.add_line(Line2D([last] * 2, [finding.low, finding.high], color=INK, linewidth=2, zorder=2))
    if finding.change is not None:
        axes.add_line(Line2D([last], [finding.change], color=INK, marker="s", markersize=6, linestyle="none", zorder=3))
    _scale(axes, finding, changes, last)
    return figure


def _scale(axes: Axes, finding: Finding, changes: _Changes, last: int) -> None:
    """Number the pairs, and keep the axis near what was measured, however vague the interval is."""
    near = [0.0, *changes.first, *changes.again, *(() if changes.margin is None else (changes.margin,))]
    reach = _FARTHEST * max(*map(abs, near), 1e-9)
    bounds = [bound for bound in (finding.low, finding.high, finding.change) if bound is not None]
    ends = [*near, *(min(max(bound, -reach), reach) for bound in bounds)]
    pad = 0.1 * (max(ends) - min(ends)) or 1e-3
    axes.set(xlim=(0.4, last + 0.6), ylim=(min(ends) - pad, max(ends) + pad))
    step = -(-(last - 1) // 12)
    numbers = [*range(1, last, step)]
    axes.set_xticks([*numbers, last], [*map(str, numbers), "all"])
    axes.yaxis.set_major_locator(ticks(4))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _tick(finding.metric, value)))
    frameless(axes)
    axes.set_xlabel("pair")


def frameless(axes: Axes) -> None:
    """Leave of the grid what lies across, and of the frame the bottom."""
    axes.grid(visible=False, axis="x")
    axes.spines["left"].set_visible(False)
    axes.spines["bottom"].set_color(FAINT)


def _tick(metric: str, value: float) -> str:
    kind = GATED[metric]
    if kind.compare == "difference" and kind.unit != "share":
        return f"{value:+.3g}"
    points = " points" if kind.compare == "difference" else "%"
    return f"{value * 100:+.3g}{points}".replace("-", "\N{MINUS SIGN}").replace("+0", "0") if value else f"0{points}"
