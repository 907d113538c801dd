"""Where things stand in a figure, so that any number of long names fits on a screen and on a phone."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.textpath import text_to_path
from matplotlib.ticker import MaxNLocator, MultipleLocator

from ..tables.cells import one_line
from .theme import FONT_POINTS, INK, MUTED, NARROW, Style

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

__all__ = [
    "BESIDE",
    "LINE",
    "Lines",
    "byte_ticks",
    "canvas",
    "canvases",
    "fold",
    "strategy_legend",
    "text_width",
    "ticks",
]

LINE = 0.165
"""Height of a line of text, in inches."""

_FONT = FontProperties(family="DejaVu Sans", size=FONT_POINTS)
BESIDE = "of-all"
"""Marks a legend that stands beside the axes."""

_NAMES = 2.6
"""Width of the names in a legend that stands beside the axes, in inches."""


@cache
def text_width(text: str) -> float:
    """Width of one line in the font of the figures, in inches."""
    return float(text_to_path.get_text_width_height_descent(text, _FONT, ismath=False)[0]) / 72


def fold(text: str, width: float) -> str:
    """Break a name into lines of at most `width` inches, after a "+" or ":" where it can be."""
    lines = [""]
    for part in re.split(r"(?<=[+:,/ ])", text):
        if lines[-1] and text_width(lines[-1] + part) > width:
            lines.append("")
        if text_width(lines[-1] + part) <= width:
            lines[-1] += part
            continue
        for letter in part:
            if lines[-1] and text_width(lines[-1] + letter) > width:
                lines.append("")
            lines[-1] += letter
    return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Lines:
    """Strategies one below the other: each has its name and value above a mark of a fixed height, in inches."""

    styles: tuple[Style, ...]
    names: tuple[str, ...]
    """Folded."""
    bottoms: tuple[float, ...]
    """Of the marks; y grows downwards."""
    mark: float

    @classmethod
    def of(cls, named: Sequence[tuple[str, Style]], width: float, mark: float, beside: float) -> Lines:
        """Place the strategies in axes `width` wide, leaving `beside` to the right of their names."""
        names = tuple(fold(one_line(name), width - beside) for name, _ in named)
        bottoms: list[float] = []
        for name in names:
            bottoms.append((bottoms[-1] if bottoms else 0) + LINE * (name.count("\n") + 1) + mark + 0.1)
        return cls(tuple(style for _, style in named), names, tuple(bottoms), mark)

    @property
    def height(self) -> float:
        """Of all, in inches."""
        return self.bottoms[-1] + 0.05

    @property
    def centres(self) -> tuple[float, ...]:
        """Of the marks."""
        return tuple(bottom - self.mark / 2 for bottom in self.bottoms)

    def write(self, axes: Axes, values: Sequence[str], *, names: bool = True) -> None:
        """Write the names and values above the marks, and make the y axis theirs."""
        above: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "va": "bottom", "in_layout": False}
        for name, value, bottom, style in zip(self.names, values, self.bottoms, self.styles, strict=True):
            top = bottom - self.mark - 0.02
            if names:
                axes.text(0, top, name, ha="left", color=INK, linespacing=1.1, gid=style.tag, **above)
            if value:
                axes.text(1, top, value, ha="right", color=MUTED, gid=style.tag, **above)
        axes.set(ylim=(self.height, 0), ylabel="")
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)


def canvas(width: float, names: Sequence[str]) -> tuple[Figure, Axes]:
    """Make a figure with room for a legend of `names`: beside the axes, or below them on a phone."""
    figure, (axes,) = canvases(width, names, 1)
    return figure, axes


def canvases(width: float, names: Sequence[str], num: int) -> tuple[Figure, tuple[Axes, ...]]:
    """Make several axes side by side, or one below the other on a phone, and room for one legend."""
    narrow = width <= NARROW
    room = LINE * sum(_folded(name, width).count("\n") + 1.4 for name in names)
    height = 2.7 * num + room + 0.3 if narrow else max(3.6, room + 0.5)
    figure = Figure(figsize=(width, height), layout="constrained")
    shape = (num, 1) if narrow else (1, num)
    return figure, tuple(figure.subplots(*shape, squeeze=False).flat)


def ticks(most: int) -> MaxNLocator:
    """Place ticks at round numbers."""
    return MaxNLocator(most, steps=[1, 2, 2.5, 5, 10])


def byte_ticks(low: float, high: float) -> MultipleLocator:
    """Place ticks at round numbers of binary units between two sizes, five at most."""
    return MultipleLocator(2 ** math.ceil(math.log2(max(high - low, 4) / 4)))


def strategy_legend(figure: Figure, entries: Sequence[tuple[str, Style]], width: float, *, lines: bool) -> None:
    """Name every style: beside the axes, or below them on a phone. Names are shown as they are, "_x" too."""
    handles = [
        Line2D(
            [],
            [],
            color=style.colour,
            marker=style.marker,
            markersize=6.5,
            markeredgecolor=INK,
            markeredgewidth=0.7,
            linestyle=style.dash if lines else "none",
        )
        for _, style in entries
    ]
    legend = figure.legend(
        handles,
        [_folded(name, width) for name, _ in entries],
        loc="outside lower left" if width <= NARROW else "outside right upper",
        frameon=False,
        handlelength=2.6 if lines else 1.2,
        borderaxespad=0.2,
        labelspacing=0.6,
    )
    legend.set_gid(None if width <= NARROW else BESIDE)
    for text, handle, (_, style) in zip(legend.get_texts(), legend.legend_handles, entries, strict=True):
        text.set_gid(style.tag)
        if handle is not None:
            handle.set_gid(style.tag)


def _folded(name: str, width: float) -> str:
    return fold(one_line(name), width - 0.75 if width <= NARROW else _NAMES)
