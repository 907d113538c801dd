"""Where things stand in a figure, so that any number of long names fits on a screen and on a phone."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.textpath import text_to_path
from matplotlib.ticker import MaxNLocator

from reports.cells import one_line
from reports.theme import FONT_POINTS, INK, NARROW, Look

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

__all__ = ["LINE", "canvas", "fold", "strategy_legend", "text_width", "ticks"]

LINE = 0.165
"""Height of a line of text, in inches."""

_FONT = FontProperties(family="DejaVu Sans", size=FONT_POINTS)
_BESIDE = 2.6
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


def canvas(width: float, names: Sequence[str], *, panels: int = 1, height: float = 3.6) -> tuple[Figure, list[Axes]]:
    """Make a figure with axes one below the other, and room for a legend of `names`: beside, or below on a phone."""
    narrow = width <= NARROW
    room = LINE * sum(_folded(name, width).count("\n") + 1.3 for name in names)
    below = (height * (0.75 if narrow else 1)) + (room + 0.3 if narrow else 0)
    figure = Figure(figsize=(width, max(below, 0 if narrow else room + 0.5)), layout="constrained")
    return figure, list(figure.subplots(panels, 1, squeeze=False)[:, 0])


def ticks(most: int) -> MaxNLocator:
    """Place ticks at round numbers."""
    return MaxNLocator(most, steps=[1, 2, 2.5, 5, 10])


def strategy_legend(figure: Figure, entries: Sequence[tuple[str, Look]], width: float, *, lines: bool) -> None:
    """Name every look: beside the axes, or below them on a phone. Names are shown as they are, "_x" too."""
    handles = [
        Line2D(
            [],
            [],
            color=look.colour,
            marker=look.marker,
            markersize=6.5,
            markeredgecolor=INK,
            markeredgewidth=0.7,
            linestyle=look.dash if lines else "none",
        )
        for _, look in entries
    ]
    figure.legend(
        handles,
        [_folded(name, width) for name, _ in entries],
        loc="outside lower left" if width <= NARROW else "outside right upper",
        frameon=False,
        handlelength=2.6 if lines else 1.2,
        borderaxespad=0.2,
        labelspacing=0.6,
    )


def _folded(name: str, width: float) -> str:
    return fold(one_line(name), width - 0.75 if width <= NARROW else _BESIDE)
