"""How pages and figures look: colours for both themes, a shape and a dash as the second code, and the fonts.

Figures are drawn in the light theme. A page replaces each of its colours by a variable of CSS, so
that the theme of the reader decides.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import seaborn as sns
from matplotlib.colors import to_hex, to_rgb

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = [
    "DARK",
    "FAINT",
    "FONT_POINTS",
    "INK",
    "LIGHT",
    "MUTED",
    "NARROW",
    "PAPER",
    "PARTS",
    "SERIES",
    "TITLE_POINTS",
    "VARIABLES",
    "WIDE",
    "Style",
    "contrast",
    "figure_style",
    "style_variables",
    "styles_of",
]

_LEAST_CONTRAST = 3.0
_MARKERS = "osD^vPX*<>"
_DASHES: tuple[tuple[int, tuple[float, ...]], ...] = ((0, ()), (0, (4, 1.5)), (0, (1, 1.2)), (0, (5, 1.2, 1, 1.2)))


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours, from 1 to 21 (WCAG 2.2)."""
    lighter, darker = sorted((_luminance(to_rgb(one)), _luminance(to_rgb(other))), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: tuple[float, float, float]) -> float:
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour)  # noqa: PLR2004
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _series(paper: str, towards: float) -> dict[str, str]:
    """Take seaborn's "colorblind" palette, moved towards black (0) or white (1) until it stands out."""
    series = {}
    for index, colour in enumerate(sns.color_palette("colorblind")):
        parts = to_rgb(colour)
        while contrast(to_hex(parts), paper) < _LEAST_CONTRAST:
            parts = tuple(part + (towards - part) * 0.04 for part in parts)  # type: ignore[assignment]
        series[f"series-{index}"] = to_hex(parts)
    return series


LIGHT = {
    "paper": "#fefefe",
    "card": "#f5f7f9",
    "ink": "#1f2328",
    "muted": "#59636e",
    "line": "#d1d9e0",
    "accent": "#0068a3",
    "pass": "#1a6b3c",
    "warn": "#9a4a00",
    "fail": "#b3261e",
    "open": "#7a3aa8",
} | _series("#f5f7f9", 0)
"""Colours by what they are for; `line` is decoration, `card` the ground of boxes."""

DARK = {
    "paper": "#101418",
    "card": "#191f25",
    "ink": "#e6edf3",
    "muted": "#9da7b1",
    "line": "#343b43",
    "accent": "#6cb6e8",
    "pass": "#6fcf97",
    "warn": "#f0a35e",
    "fail": "#ff8a80",
    "open": "#c9a0f0",
} | _series("#191f25", 1)

INK, MUTED, FAINT, PAPER = LIGHT["ink"], LIGHT["muted"], LIGHT["line"], LIGHT["paper"]
SERIES = tuple(colour for name, colour in LIGHT.items() if name.startswith("series-"))
PARTS: tuple[tuple[str, str], ...] = tuple(
    zip((*SERIES[:5], MUTED), ("", "////", "\\\\\\\\", "xx", "--", ""), strict=True)
)
"""Colour and hatching of the parts of a whole, in order; the last is for what is left."""

VARIABLES = {colour: f"var(--{name})" for name, colour in LIGHT.items()}

WIDE, NARROW = 9.0, 3.7
"""Inches. A page shows the first on a screen and the second on a phone, both at one scale."""

FONT_POINTS, TITLE_POINTS = 9, 11


@dataclass(frozen=True, slots=True)
class Style:
    """How one strategy is drawn in every figure."""

    index: int
    colour: str
    marker: str
    dash: tuple[int, tuple[float, ...]]
    """Offset, and lengths of ink and gap in points; none is a solid line."""

    @property
    def tag(self) -> str:
        """The class that everything of this strategy has in a page, so that the reader can dim it."""
        return f"of-{self.index}"


def styles_of(strategies: Iterable[str]) -> dict[str, Style]:
    """Return the style of each strategy."""
    return {
        name: Style(index, SERIES[index % len(SERIES)], _MARKERS[index % len(_MARKERS)], _DASHES[index % len(_DASHES)])
        for index, name in enumerate(dict.fromkeys(strategies))
    }


def style_variables() -> str:
    """Write the colours as CSS: light, dark where the reader prefers it, and light on paper."""
    light, dark = _declared(LIGHT), _declared(DARK)
    return (
        f":root {{ color-scheme: light dark; {light} }}\n"
        f"@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}\n"
        f"@media print {{ :root {{ color-scheme: light; {light} }} }}\n"
    )


def _declared(colours: Mapping[str, str]) -> str:
    return " ".join(f"--{name}: {colour};" for name, colour in colours.items())


@contextmanager
def figure_style(salt: str) -> Iterator[None]:
    """Draw and save figures in here: no text is read as mathematics, and equal figures are equal bytes."""
    settings: dict[Any, Any] = {
        "axes.edgecolor": FAINT,
        "axes.facecolor": PAPER,
        "axes.spines.right": False,
        "axes.spines.top": False,
        "figure.facecolor": PAPER,
        "font.family": "DejaVu Sans",  # comes with matplotlib: the same letters on every machine
        **dict.fromkeys(("font.size", "axes.labelsize", "axes.titlesize", "legend.fontsize"), FONT_POINTS),
        **dict.fromkeys(("xtick.labelsize", "ytick.labelsize"), FONT_POINTS),
        "figure.titlesize": TITLE_POINTS,
        "grid.color": FAINT,
        "grid.linewidth": 0.6,
        "hatch.linewidth": 0.7,
        "svg.fonttype": "none",
        "svg.hashsalt": salt,
        "text.color": INK,
        "text.parse_math": False,
        **dict.fromkeys(("axes.labelcolor", "xtick.color", "ytick.color"), MUTED),
    }
    with sns.axes_style("whitegrid", rc=settings), mpl.rc_context(settings):
        yield
