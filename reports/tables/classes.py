"""F1, precision and recall class by class, the same for the terminal, Markdown and the page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.analysis.by_class import by_class
from bench.records.names import in_quotes

if TYPE_CHECKING:
    from bench.analysis.by_class import ClassScore
    from bench.analysis.comparison import Comparison

__all__ = ["MOST_CLASSES", "ClassTable", "Line", "class_table"]

MOST_CLASSES = 30


@dataclass(frozen=True, slots=True)
class Line:
    """One class."""

    name: str
    """In quotes."""
    num_rows: int
    """To evaluate on."""
    scores: tuple[ClassScore | None, ...]
    """By strategy; None where its records do not tell."""


@dataclass(frozen=True, slots=True)
class ClassTable:
    """Classes down, strategies across."""

    strategies: tuple[str, ...]
    lines: tuple[Line, ...]
    """The classes with the most rows first."""
    note: str
    """What the numbers are of, and how many classes and strategies are left out."""
    num_first: int
    """Strategies of those that come first; all of them while they are few."""


def class_table(
    comparison: Comparison, *, most_classes: int = MOST_CLASSES, most_strategies: int | None = None
) -> ClassTable | None:
    """Make the table of the classes with the most evaluation rows; None where no record holds predictions."""
    found = {
        result.strategy: by_class(one.evaluation for one in result.measured.values())
        for result in comparison.arrangement.finished
    }
    known = {name: {score.name: score for score in each.scores} for name, each in found.items() if each}
    rows = {score.name: score.num_rows for scores in known.values() for score in scores.values()}
    used = [name for name in sorted(rows, key=lambda name: -rows[name]) if rows[name]]
    if not used:
        return None
    shown = tuple(known)[:most_strategies]
    lines = tuple(
        Line(in_quotes(name), rows[name], tuple(known[strategy].get(name) for strategy in shown))
        for name in used[:most_classes]
    )
    left_out = [
        f"{num:,} more {what}"
        for num, what in ((len(used) - len(lines), "classes"), (len(known) - len(shown), "strategies"))
        if num
    ]
    several = any(each.num_seeds > 1 for each in found.values() if each)
    note = f"F1 by class{', all seeds together' if several else ''}{', without ' + ' and '.join(left_out) if left_out else ''}."
    first = {result.strategy for result in comparison.arrangement.first}
    return ClassTable(shown, lines, note, len(first.intersection(shown)))
