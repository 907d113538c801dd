"""Any text put into Markdown so that it stands for itself, with no backslash where none is needed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .tables.cells import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["bullets", "code", "escape", "folded", "table"]

_SPECIAL = re.compile(
    r"[\\`*\[\]<|~$]"  # markup wherever it stands
    r"|(?<![^\W_])_|_(?![^\W_])"  # emphasis but within a word
    r"|&(?=[#\w])"  # an entity
    r"|@(?=\w)|#(?=\d)"  # somebody's name or the number of an issue, on a forge
    r"|:(?=//)|(?<=www)\."  # an address that would become a link
    r"|^[#>]|^[-+=](?=[-+=\s]|$)|(?<=^\d)[.)](?=\s|$)|(?<=^\d\d)[.)](?=\s|$)|(?<=^\d{3})[.)](?=\s|$)",  # what begins a block
    re.IGNORECASE,
)


def escape(text: str) -> str:
    """Make any text stand for itself in Markdown, on one line."""
    return _SPECIAL.sub(r"\\\g<0>", one_line(text))


def code(text: str) -> str:
    """Put a text into a span of code, on one line."""
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    said = one_line(text)
    gap = " " if not said or "`" in (said[0], said[-1]) else ""
    return f"{fence}{gap}{said}{gap}{fence}"


def table(lines: Iterable[Sequence[str]]) -> str:
    """Make a table of lines whose cells are Markdown; the first names the columns, and all but the first are of numbers."""
    head, *rows = lines
    rule = ["---", *("---:" for _ in head[1:])]
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, rule, *rows))


def bullets(items: Iterable[str]) -> str:
    """Make a list of items that are Markdown."""
    return "\n".join(f"- {item}" for item in items)


def folded(title: str, blocks: Iterable[str]) -> str:
    """Make blocks of Markdown that a reader may open; empty where there are none."""
    kept = [block for block in blocks if block]
    return "\n\n".join([f"<details><summary>{title}</summary>", *kept, "</details>"]) if kept else ""
