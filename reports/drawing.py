"""A chart as SVG for the page, whose text is text and whose colours follow the theme, and as a PNG file."""

from __future__ import annotations

import io
import re
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

from reports.theme import FAINT, INK, MUTED, PAPER, WIDE, figure_style

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reports.figures import Chart

__all__ = ["to_png", "to_svg"]

_VARIABLES = {INK: "var(--ink)", MUTED: "var(--muted)", FAINT: "var(--line)", PAPER: "var(--paper)"}
_PNG_DOTS_PER_INCH = 192


def to_svg(chart: Chart, width: float) -> str:
    """Draw a chart as an `<svg>` element to stand in HTML; `width` in inches."""
    with figure_style(f"{chart.name} {width}"), _any_letters():
        buffer = io.StringIO()
        chart.draw(width).savefig(buffer, format="svg", metadata={"Date": None})
    text = re.sub(r"<metadata>.*?</metadata>|<style .*?</style>", "", buffer.getvalue(), flags=re.DOTALL)
    text = re.sub(r"<[^>]+>", lambda tag: _themed(tag[0]), text[text.index("<svg") :])
    text = re.sub(r">\s+<", "><", text)
    return re.sub(r"^<svg [^>]*?(viewBox=\S+ \S+ \S+ \S+\")[^>]*>", r'<svg \1 aria-hidden="true">', text)


def to_png(chart: Chart, subtitle: str) -> bytes:
    """Draw a chart, with its title and what it compares, on white at twice the resolution of a screen."""
    with figure_style(chart.name), _any_letters():
        figure = chart.draw(WIDE)
        figure.suptitle(f"{chart.title}\n{subtitle}", x=0.01, ha="left")
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=_PNG_DOTS_PER_INCH, metadata={"Software": None})
    return buffer.getvalue()


def _themed(tag: str) -> str:
    """Give a tag the colours of the page, and take away what the page does not need."""
    for colour, variable in _VARIABLES.items():
        tag = tag.replace(colour, variable)
    tag = re.sub(r"\d+\.\d{3,}", lambda number: f"{float(number[0]):.2f}", tag)
    tag = re.sub(r""" id="[A-Za-z0-9.]+_[0-9]+"| transform="rotate\(-0 [^"]*"|font-family: '[^']*'; """, "", tag)
    return re.sub(r"\s+", " ", tag)


@contextmanager
def _any_letters() -> Iterator[None]:
    """Let a name have letters that the font of the figures lacks; they show as boxes in the PNG files."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from font", UserWarning)
        yield
