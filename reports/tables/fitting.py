"""A table of strategies that fits a terminal: on one line each, on two, or with fewer columns, and no word is broken."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich import box
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console, ConsoleOptions, RenderableType

__all__ = ["Fitting", "Line", "fold"]

_GAP = 2
"""Characters between columns: the padding of one and what parts it from the next."""
_ENOUGH = 24
"""Characters in which names are readable; below it the last columns give way to them."""
_FEWEST = 3
"""Columns that stay, however narrow it is."""


@dataclass(frozen=True, slots=True)
class Line:
    """One strategy."""

    name: str
    tag: str
    """Beside the name."""
    remarks: tuple[tuple[str, str], ...]
    """Below the name, each with its style."""
    cells: tuple[tuple[str, str], ...]
    """By column: the value, and what stands beside or below it."""

    @property
    def title(self) -> str:
        """The name with its tag."""
        return f"{self.name}  {self.tag}" if self.tag else self.name


@dataclass(frozen=True, slots=True)
class Fitting:
    """The table, laid out when the width is known."""

    titles: tuple[str, ...]
    first: tuple[Line, ...]
    groups: tuple[tuple[str, tuple[Line, ...]], ...] = ()
    """More lines, in the same columns, each some under a title."""

    @property
    def lines(self) -> tuple[Line, ...]:
        """All of them."""
        return (*self.first, *(line for _, lines in self.groups for line in lines))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        """Lay the table out for the width of a terminal."""
        layout = self._layout(options.max_width)
        yield self._table(self.first, *layout)
        for title, lines in self.groups:
            yield Text(f"\n{title}", style="bold")
            yield self._table(lines, *layout, has_head=False)

    def _layout(self, width: int) -> tuple[int, Sequence[int], bool]:
        """Choose the width of the names and those of the columns, and whether a cell stands on one line."""
        names = max((cell_len(line.title) for line in self.lines), default=0)
        wished = max((cell_len(said) for line in self.lines for said, _ in line.remarks), default=0)
        flat = self._widths(is_flat=True)
        if (left := width - _taken(flat)) >= names:
            return min(left, max(names, wished)), flat, True
        folded = self._widths(is_flat=False)
        while len(folded) > _FEWEST and width - _taken(folded) < min(max(names, wished), _ENOUGH):
            folded = folded[:-1]
        return max(1, width - _taken(folded)), folded, False

    def _widths(self, *, is_flat: bool) -> list[int]:
        return [
            max(
                cell_len(text)
                for texts in (title.split(), *(_parts(line.cells[place], is_flat=is_flat) for line in self.lines))
                for text in texts
            )
            for place, title in enumerate(self.titles)
        ]

    def _table(
        self,
        lines: Sequence[Line],
        names: int,
        widths: Sequence[int],
        is_flat: bool,  # noqa: FBT001
        *,
        has_head: bool = True,
    ) -> Table:
        table = Table(
            box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, show_header=has_head, header_style="bold",
            padding=(0, 1, 0, 0),
        )  # fmt: skip
        table.add_column("strategy", width=names, overflow="fold")
        for title, width in zip(self.titles, widths, strict=False):
            table.add_column(Text(fold(title, width)), justify="right", width=width, overflow="fold")
        for line in lines:
            cells = (_cell(written, is_flat=is_flat) for written in line.cells[: len(widths)])
            table.add_row(_name(line, names), *cells)
        return table


def fold(text: str, width: int) -> str:
    """Break a text into lines at spaces and after the separators of a strategy's name; a longer word as it must."""
    lines = [""]
    for part in filter(None, _pieces(text, width)):
        if lines[-1] and cell_len(lines[-1] + part.rstrip()) > width:
            lines.append("")
        lines[-1] += part
    return "\n".join(line.strip() for line in lines)


def _pieces(text: str, width: int) -> Iterator[str]:
    """Part a text after spaces, + , : and /, and what is still too long after = _ and - too."""
    for part in re.findall(r"[^\s+:,/]*(?:[+:,/]+|\s+|$)", text):
        yield from re.findall(r"[^=_-]*(?:[=_-]+|$)", part) if cell_len(part.rstrip()) > width else (part,)


def _taken(widths: Sequence[int]) -> int:
    """Characters of the columns, with the gaps that part them from what is before."""
    return sum(widths) + _GAP * len(widths) + 1


def _parts(written: tuple[str, str], *, is_flat: bool) -> tuple[str, ...]:
    return (" ".join(filter(None, written)),) if is_flat else written


def _cell(written: tuple[str, str], *, is_flat: bool) -> Text:
    value, beside = written
    text = Text(value)
    if beside:
        text.append(f"{' ' if is_flat else chr(10)}{beside}", style="dim")
    return text


def _name(line: Line, width: int) -> Text:
    text = Text(fold(line.name, width), style="bold")
    if line.tag:
        fits = cell_len(line.title) <= width
        text.append(f"{'  ' if fits else chr(10)}{line.tag}", style="not bold dim")
    for said, style in line.remarks:
        text.append(f"\n{fold(said, width)}", style=f"not bold {style}")
    return text
