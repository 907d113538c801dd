"""The comparison in a terminal: every strategy against the reference, then the verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from bench.analysis.data_words import in_brief
from reports.cells import NOT_MEASURED, Cell, cell, column_title, flags_by_code, letters_note, one_line, remark, shown
from reports.classes import class_table, share

if TYPE_CHECKING:
    from rich.console import RenderableType

    from bench.comparison import Comparison, Row

__all__ = ["summary_table"]

_MOST_CLASSES, _MOST_STRATEGIES = 10, 4


def summary_table(comparison: Comparison, *, title: str = "", with_data: bool = True) -> RenderableType:
    """Draw the table, the headline and the sentences. No text from outside is read as markup.

    A title stands above, and what was read, which `with_data` leaves out where it was shown before.
    """
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    table.add_column("strategy", overflow="fold", ratio=3)
    for metric in shown(comparison):
        table.add_column(Text(column_title(metric)), justify="right", overflow="fold", ratio=2)
    for row in comparison.rows:
        table.add_row(_name(row), *(_cell(cell(row, metric, comparison)) for metric in shown(comparison)))
    spoken = [Text(one_line(sentence)) for sentence in comparison.sentences]
    warned = [Text(one_line(warning), style="yellow") for warning in comparison.warnings]
    headline = Text(one_line(comparison.headline), style="bold")
    key = [Text(said, style="dim") for said in (letters_note(comparison),) if said]
    above = [Text(one_line(title), style="bold underline")] if title else []
    read = comparison.data if with_data else ()
    above += [Text(one_line(f"{about}: {said}"), style="dim") for data in read for about, said in in_brief(data)]
    return Group(*above, table, *key, *_by_class(comparison), Text(), headline, *warned, *spoken)


def _by_class(comparison: Comparison) -> list[RenderableType]:
    """F1 of the most frequent classes and the first strategies; the report has more."""
    found = class_table(comparison, most_classes=_MOST_CLASSES, most_strategies=_MOST_STRATEGIES)
    if found is None:
        return []
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    table.add_column("F1 by class", overflow="fold")
    for title in ("rows", *found.strategies):
        table.add_column(Text(one_line(title)), justify="right", overflow="fold")
    for line in found.lines:
        scores = (share(score.f1) if score else NOT_MEASURED for score in line.scores)
        table.add_row(Text(line.name), f"{line.num_rows:,}", *scores)
    return [table, Text(found.note, style="dim")]


def _name(row: Row) -> Text:
    name = Text(one_line(row.strategy), style="bold")
    if row.is_reference:
        name.append("  reference", style="not bold dim")
    if said := remark(row, with_reason=False):  # the sentence below the table says why, in the full width
        name.append(f"\n{said}", style="not bold yellow" if row.finished else "not bold red")
    if row.flags:
        name.append(f"\n{', '.join(flags_by_code(row))}", style="not bold yellow")
    return name


def _cell(written: Cell) -> Text:
    text = Text(written.value)
    if beside := " ".join(part for part in (written.against, written.group) if part):
        text.append(f"\n{beside}", style="dim")
    return text
