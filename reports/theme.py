"""How figures look: colours for colour-blind readers, a shape and a dash as the second code, and the fonts."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import seaborn as sns
from matplotlib.colors import to_hex, to_rgb

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = [
    "FAINT",
    "FONT_POINTS",
    "INK",
    "MUTED",
    "NARROW",
    "PAPER",
    "WIDE",
    "Look",
    "contrast",
    "figure_style",
    "looks",
]

INK, MUTED, FAINT, PAPER = "#1f2328", "#59636e", "#d1d9e0", "#fefefe"
"""Text, secondary text, lines of the grid, and the background; the page replaces them by its own."""

WIDE, NARROW = 9.0, 3.7
"""Inches. A page shows the first on a screen and the second on a phone, both at one scale."""

FONT_POINTS = 9
_LEAST_CONTRAST = 3.0
_MARKERS = "osD^vPX*<>"
_DASHES: tuple[tuple[int, tuple[float, ...]], ...] = ((0, ()), (0, (4, 1.5)), (0, (1, 1.2)), (0, (5, 1.2, 1, 1.2)))


@dataclass(frozen=True, slots=True)
class Look:
    """How one strategy is drawn in every figure."""

    colour: str
    marker: str
    dash: tuple[int, tuple[float, ...]]
    """Offset, and lengths of ink and gap in points; none is a solid line."""


def looks(strategies: Iterable[str]) -> dict[str, Look]:
    """Give each strategy its look: seaborn's "colorblind" palette, darkened until it stands out on white."""
    palette = [_darkened(to_rgb(colour)) for colour in sns.color_palette("colorblind")]
    return {
        name: Look(palette[index % len(palette)], _MARKERS[index % len(_MARKERS)], _DASHES[index % len(_DASHES)])
        for index, name in enumerate(strategies)
    }


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours, from 1 to 21 (WCAG 2.2)."""
    lighter, darker = sorted((_luminance(to_rgb(one)), _luminance(to_rgb(other))), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@contextmanager
def figure_style(salt: str) -> Iterator[None]:
    """Draw and save figures in here: no text is read as mathematics, and equal figures are equal bytes."""
    settings: dict[Any, Any] = {
        "axes.edgecolor": FAINT,
        "axes.facecolor": PAPER,
        "axes.labelcolor": MUTED,
        "axes.spines.right": False,
        "axes.spines.top": False,
        "figure.facecolor": PAPER,
        "font.family": "DejaVu Sans",  # comes with matplotlib: the same letters on every machine
        "font.size": FONT_POINTS,
        "axes.labelsize": FONT_POINTS,
        "axes.titlesize": FONT_POINTS,
        "legend.fontsize": FONT_POINTS,
        "xtick.labelsize": FONT_POINTS,
        "ytick.labelsize": FONT_POINTS,
        "figure.titlesize": FONT_POINTS + 2,
        "grid.color": FAINT,
        "grid.linewidth": 0.6,
        "svg.fonttype": "none",
        "svg.hashsalt": salt,
        "text.color": INK,
        "text.parse_math": False,
        "xtick.color": MUTED,
        "ytick.color": MUTED,
    }
    with sns.axes_style("whitegrid", rc=settings), mpl.rc_context(settings):
        yield


def _darkened(colour: tuple[float, float, float]) -> str:
    while contrast(to_hex(colour), PAPER) < _LEAST_CONTRAST:
        colour = tuple(part * 0.96 for part in colour)  # type: ignore[assignment]
    return to_hex(colour)


def _luminance(colour: tuple[float, float, float]) -> float:
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour)  # noqa: PLR2004
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
