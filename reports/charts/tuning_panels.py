"""The trials of each strategy in a small panel of its own, all of one scale, in columns."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from bench.analysis.tuning import edges
from bench.analysis.words.numbers import percent
from bench.records.metrics import format_rate

from .layout import LINE, Lines, text_width, ticks
from .theme import FAINT, INK, LIGHT, MUTED, NARROW

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes

    from bench.analysis.tuning import FoundRate
    from bench.records.tuning import TuningTrial

    from .theme import Style

__all__ = ["draw_panels"]

_FEW, _SOME = 6, 15
"""Strategies up to which panels are high, and of middle height."""
_SHORT = 0.45
"""Opacity of trials that are shorter than a run."""


@dataclass(frozen=True, slots=True)
class _Scale:
    """What all panels share, so that heights and places can be compared."""

    rates: tuple[float, float]
    shares: tuple[float, float]
    mark: float
    """Height of a panel, in inches."""

    @classmethod
    def of(cls, found: Sequence[FoundRate]) -> _Scale:
        trials = [trial for one in found for trial in one.tuning.trials]
        rates = [trial.lr for trial in trials if trial.lr] or [1.0]
        shares = [trial.quality for trial in trials if trial.quality is not None] or [0.0]
        mark = 0.95 if len(found) <= _FEW else 0.6 if len(found) <= _SOME else 0.42
        middle, half = (min(shares) + max(shares)) / 2, max((max(shares) - min(shares)) / 2, 0.01)
        return cls((min(rates), max(rates)), (middle - 1.15 * half, middle + 1.3 * half), mark)

    def height(self, share: float, bottom: float) -> float:
        """Where a share stands in a panel that ends at `bottom`; y grows downwards."""
        low, high = self.shares
        return bottom - self.mark * (share - low) / (high - low)

    @property
    def steps(self) -> tuple[float, ...]:
        """Shares at which a line goes across a panel."""
        low, high = self.shares
        most = 2 if self.mark < 0.9 else 3  # noqa: PLR2004  (lines of text that fit)
        return tuple(float(share) for share in ticks(most).tick_values(low, high) if low <= share <= high)


def draw_panels(found: Sequence[FoundRate], styles: Mapping[str, Style], width: float) -> Figure:
    """Put the panels in columns, each read downwards; in one on a phone."""
    each = len(found) if width <= NARROW else -(-len(found) // 3)
    columns = [found[start : start + each] for start in range(0, len(found), each)]
    num = len(columns)
    scale = _Scale.of(found)
    beside = max(text_width(_value(one)) for one in found) + 0.1
    lines = [
        Lines.of([(one.strategy, styles[one.strategy]) for one in ones], width / num - 0.65, scale.mark, beside)
        for ones in columns
    ]
    key = _key(found)
    rows = len(key) if width <= NARROW else -(-len(key) // 3)
    height = max(line.height for line in lines)
    figure = Figure(figsize=(width, height + 0.65 + 1.4 * LINE * rows), layout="constrained")
    for axes, ones, column in zip(figure.subplots(1, num, squeeze=False).flat, columns, lines, strict=True):
        column.write(axes, [_value(one) for one in ones])
        _arrange(axes, scale, column, height)
        for one, style, bottom in zip(ones, column.styles, column.bottoms, strict=True):
            _draw_one(axes, one, style, scale, bottom)
    figure.legend(
        handles=key, loc="outside lower left", ncols=1 if width <= NARROW else 3, frameon=False, borderaxespad=0.2
    )
    return figure


def _value(one: FoundRate) -> str:
    """What stands above a panel at its right: what the chosen rate reached."""
    return percent(one.chosen.quality if one.chosen else None)


def _arrange(axes: Axes, scale: _Scale, lines: Lines, height: float) -> None:
    low, high = scale.rates
    pad = max((high / low) ** 0.07, 1.2)
    axes.set_xscale("log")
    axes.set(xlim=(low / pad, high * pad), ylim=(height, 0), xlabel="learning rate")
    axes.xaxis.set_major_locator(LogLocator(numticks=5))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: format_rate(value)))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.tick_params(axis="x", labeltop=len(lines.names) > _FEW)  # the other end is far away
    axes.grid(visible=False)
    places = {scale.height(share, bottom): share for bottom in lines.bottoms for share in scale.steps}
    axes.set_yticks(list(places), [f"{100 * share:.3g}%" for share in places.values()])
    axes.hlines(list(places), low / pad, high * pad, color=FAINT, linewidth=0.6, zorder=0)
    axes.vlines([low, high] * len(lines.bottoms), *_ends(lines), color=FAINT, linewidth=0.6, zorder=0)


def _ends(lines: Lines) -> tuple[list[float], list[float]]:
    """Tops and bottoms of the panels, twice each."""
    twice = [bottom for bottom in lines.bottoms for _ in range(2)]
    return [bottom - lines.mark for bottom in twice], twice


def _draw_one(axes: Axes, one: FoundRate, style: Style, scale: _Scale, bottom: float) -> None:
    """Draw the trials of one strategy, those of equal length joined, and what was chosen."""
    whole = one.tuning.whole_trials
    for trials in _by_length(one).values():
        known = [
            (trial.lr, scale.height(trial.quality, bottom))
            for trial in trials
            if trial.lr and trial.quality is not None
        ]
        is_whole = trials[0] in whole
        axes.add_line(
            Line2D(
                *zip(*known, strict=True) if known else ((), ()), color=style.colour, alpha=1 if is_whole else _SHORT,
                linewidth=1.6 if is_whole else 0.8, marker=style.marker, markersize=7 if is_whole else 3.5,
                markeredgewidth=0, gid=style.tag, zorder=3 if is_whole else 2,
            )
        )  # fmt: skip
        lost = [trial.lr for trial in trials if trial.lr and trial.quality is None]
        axes.add_line(
            Line2D(
                lost,
                [bottom - 0.03] * len(lost),
                color=MUTED,
                marker="x",
                markersize=4,
                linestyle="none",
                gid=style.tag,
            )
        )
    if one.default and one.default.quality is not None:
        place = [scale.height(one.default.quality, bottom)] * 2
        is_chosen = one.tuning.lr is None
        axes.add_line(
            Line2D(
                axes.get_xlim(),
                place,
                color=INK if is_chosen else MUTED,
                linewidth=2 if is_chosen else 1,
                linestyle=(0, (4, 2)),
                gid=style.tag,
                zorder=2,
            )
        )
    if one.chosen and one.tuning.lr and one.chosen.quality is not None:
        _draw_chosen(axes, one, style, scale.height(one.chosen.quality, bottom))


def _draw_chosen(axes: Axes, one: FoundRate, style: Style, place: float) -> None:
    """Draw a ring, and where nothing was tried beyond, an arrow that points there."""
    assert one.tuning.lr
    axes.add_line(
        Line2D(
            [one.tuning.lr],
            [place],
            marker="o",
            markersize=11.5,
            markerfacecolor="none",
            markeredgecolor=INK,
            markeredgewidth=1.3,
            linestyle="none",
            gid=style.tag,
            zorder=4,
        )
    )
    if one.tuning.edge:
        side, shape = (1, ">") if one.tuning.edge == "highest" else (0, "<")
        axes.add_line(
            Line2D(
                [axes.get_xlim()[side]],
                [place],
                marker=shape,
                markersize=7,
                color=LIGHT["warn"],
                linestyle="none",
                clip_on=False,
                gid=style.tag,
                zorder=4,
            )
        )


def _by_length(one: FoundRate) -> dict[int, list[TuningTrial]]:
    """The trials of rates by their steps, the lowest rate first."""
    grouped: defaultdict[int, list[TuningTrial]] = defaultdict(list)
    for trial in sorted((trial for trial in one.tuning.trials if trial.lr), key=lambda trial: trial.lr or 0):
        grouped[trial.num_steps].append(trial)
    return dict(sorted(grouped.items()))


def _key(found: Sequence[FoundRate]) -> list[Line2D]:
    """What the shapes mean; those that are not drawn are left out."""
    trials = [trial for one in found for trial in one.tuning.trials]
    is_short = any(len(_by_length(one)) > 1 for one in found)
    entries: list[tuple[bool, str, dict[str, Any]]] = [
        (True, "trained as long as a run", {"color": MUTED, "marker": "o", "markersize": 7, "linewidth": 1.6}),
        (is_short, "for fewer steps", {"color": MUTED, "marker": "o", "markersize": 3.5, "linewidth": 0.8, "alpha": _SHORT}),
        (True, "default rates", {"color": MUTED, "linestyle": (0, (4, 2)), "linewidth": 1}),
        (any(one.tuning.lr for one in found), "chosen", {"marker": "o", "markersize": 11, "markerfacecolor": "none", "markeredgecolor": INK, "linestyle": "none"}),
        (any(one.tuning.lr is None for one in found), "default rates, chosen", {"color": INK, "linestyle": (0, (4, 2)), "linewidth": 2}),
        (bool(edges(found)), "at an edge of what was tried", {"color": LIGHT["warn"], "marker": ">", "markersize": 7, "linestyle": "none"}),
        (any(trial.quality is None for trial in trials), "did not finish", {"color": MUTED, "marker": "x", "markersize": 4, "linestyle": "none"}),
    ]  # fmt: skip
    return [Line2D([], [], label=label, **drawn) for is_drawn, label, drawn in entries if is_drawn]
