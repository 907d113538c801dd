"""One figure of a report, not yet drawn, with everything that stands around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure

__all__ = ["Chart", "Table"]

Table = tuple[tuple[str, ...], ...]
"""Lines of cells; the first line names the columns, and the first cell of each line the strategy."""


@dataclass(frozen=True, slots=True)
class Chart:
    """One figure: title, caption, words and numbers for those who do not see it, and how it is drawn."""

    name: str
    """Stem of its file."""
    title: str
    """What it shows, as a finding where there is one."""
    caption: str
    """How to read it."""
    alternative: str
    """What it shows, in words and numbers."""
    table: Table
    """The numbers behind it."""
    draw: Callable[[float], Figure]
    """Draws it at a width in inches."""
    missing: str = ""
    """Why it is left out; empty where it is drawn."""
