"""A chart as SVG for the page, whose text is text and whose colours follow the theme, and as a PNG file."""

from __future__ import annotations

import io
import re
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..tables.cells import one_line
from .layout import BESIDE, LINE, fold
from .theme import FONT_POINTS, NARROW, TITLE_POINTS, VARIABLES, WIDE, figure_style

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.figure import Figure

    from .chart import Chart

__all__ = ["Drawing", "draw", "to_svg"]

_PNG_DOTS_PER_INCH = 192

_COLOURS = re.compile("|".join(VARIABLES))
_SUPERFLUOUS = re.compile(
    r""" id="[A-Za-z0-9.]+_[0-9]+"| transform="rotate\(-0 [^"]*"|font-family: '[^']*'; |"""
    r"""(?:; )?stroke-(?:linejoin: miter|linecap: square|miterlimit: \d+)|; stroke-width: 1(?=")"""
)


@dataclass(frozen=True, slots=True)
class Drawing:
    """A chart as it stands in a report."""

    wide: str
    """An `<svg>` element for a screen."""
    narrow: str
    """One for a phone."""
    png: bytes


def draw(chart: Chart, subtitle: str) -> Drawing:
    """Draw a chart for the page and as a file; what it compares stands in the file alone."""
    with _styled(chart.name):
        figure = chart.draw(WIDE)
        wide = _svg(figure)
        png = _png(figure, chart.title, subtitle)
    return Drawing(wide, to_svg(chart, NARROW), png)


def to_svg(chart: Chart, width: float) -> str:
    """Draw a chart as an `<svg>` element to stand in HTML; `width` in inches.

    What belongs to a strategy has its tag as a class, and each seed's dot or line the class "seed".
    """
    with _styled(f"{chart.name} {width}"):
        return _svg(chart.draw(width))


def _svg(figure: Figure) -> str:
    buffer = io.StringIO()
    _laid_out(figure).savefig(buffer, format="svg", metadata={"Date": None})
    text = re.sub(r"<metadata>.*?</metadata>|<style .*?</style>", "", buffer.getvalue(), flags=re.DOTALL)
    text = re.sub(r"<[^>]+>", lambda tag: _themed(tag[0]), text[text.index("<svg") :])
    text = re.sub(r"<!--.*?-->|>\s+<", lambda found: "><" if found[0].startswith(">") else "", text)
    text = re.sub(r'<path [^>]*style="fill: none"/>', "", text)  # draws nothing: a cell without a value
    text = re.sub(r"<g>(<(?:use|path)[^>]*/>)</g>", r"\1", text)
    return re.sub(r"^<svg [^>]*?(viewBox=\S+ \S+ \S+ \S+\")[^>]*>", r'<svg \1 aria-hidden="true">', text)


def _png(figure: Figure, title: str, subtitle: str) -> bytes:
    """Write title and subtitle above a figure, on white, at twice the resolution of a screen."""
    room = (figure.get_figwidth() - 0.3) * FONT_POINTS / TITLE_POINTS  # `fold` measures letters of the figure
    folded = "\n".join(fold(one_line(text), room) for text in (title, subtitle))
    figure.set_figheight(figure.get_figheight() + LINE * (folded.count("\n") + 2))
    figure.suptitle(folded, x=0.01, ha="left")
    for legend in figure.legends:
        if legend.get_gid() == BESIDE:
            legend.set_loc("outside right lower")  # clear of the title
    figure.set_layout_engine("constrained")
    buffer = io.BytesIO()
    _laid_out(figure).savefig(
        buffer, format="png", dpi=_PNG_DOTS_PER_INCH, metadata={"Software": None}, pil_kwargs={"compress_level": 3}
    )
    return buffer.getvalue()


def _laid_out(figure: Figure) -> Figure:
    """Settle where everything stands once, which saving would draw the whole figure for."""
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
        figure.set_layout_engine(None)
    return figure


def _themed(tag: str) -> str:
    """Replace the colours in a tag by those of the page, and remove what the page does not need."""
    tag = _COLOURS.sub(lambda colour: VARIABLES[colour[0]], tag)
    tag = re.sub(r"\d+\.\d{2,}", lambda number: f"{float(number[0]):.1f}", tag)
    tag = _SUPERFLUOUS.sub("", tag).replace('style="; ', 'style="')
    tag = re.sub(r' id="(of-[^"]+)"', r' class="\1"', tag)
    return re.sub(r"\s+", " ", tag)


@contextmanager
def _styled(salt: str) -> Iterator[None]:
    """Let a name have letters that the font of the figures lacks; they show as boxes in the PNG files."""
    with figure_style(salt), warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from font", UserWarning)
        yield
