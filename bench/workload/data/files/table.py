"""The interface of all data files: their columns by name, and the rows of some columns."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bench.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from bench.experiment.choices import Quoting

    Read = Callable[[Sequence[str], str], "Columns"]

__all__ = ["Columns", "Options", "Table", "check_names", "in_words", "refusal"]


@dataclass(frozen=True, slots=True)
class Options:
    """How text is to be read, where the file does not show it."""

    encoding: str | None = None
    quoting: Quoting | None = None


@dataclass(frozen=True, slots=True)
class Columns:
    """All rows of some columns of a file."""

    texts: Sequence[Sequence[object]]  # one or two columns, each (rows,)
    labels: Sequence[object]  # (rows,)
    facts: Counter[str] = field(default_factory=Counter)
    """How they were read, where a user should know, each with a number of rows, or 0 where none applies."""


@dataclass(frozen=True, slots=True)
class Table:
    """A data file whose columns are known and whose rows can be read."""

    file: Path
    columns: tuple[str, ...]
    """Names, which may be duplicate or empty."""
    read: Read
    """Reads one or two text columns and the label column. Raises DataError."""
    is_open: bool = False
    """Whether a row may lack columns, as a line of JSON may: what it lacks is None."""


def refusal(file: Path | str, line: int | None, why: str) -> DataError:
    """Return the error for a file that is not read: where, what, and what to do."""
    return DataError(f"cannot read {file}{'' if line is None else f', line {line}'}: {why}")


def check_names(table: Table, names: Sequence[str]) -> None:
    """Refuse duplicate names, and a file that lacks a column which another file of its split has.

    Raises:
        DataError: a name occurs twice or not at all.

    """
    for name in names:
        if table.columns.count(name) > 1:
            raise refusal(table.file, None, f"two columns are called {name}; give one of them another name")
        if name not in table.columns and not table.is_open:
            raise refusal(table.file, None, f"it has no column {name}, as the other files of its split do")


def in_words(facts: Counter[str]) -> tuple[str, ...]:
    """Return facts as notes."""
    return tuple(f"{fact}: {num:,}" if num else fact for fact, num in facts.items())
