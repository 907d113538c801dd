"""What every kind of data file gives: its columns by name, and the rows of those that are asked for."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from bench.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    Read = Callable[[Sequence[str], str], "Columns"]

__all__ = ["Columns", "Options", "Quoting", "Table", "check_names", "in_words", "refusal"]

Quoting = Literal["none", "standard", "backslash"]


@dataclass(frozen=True, slots=True)
class Options:
    """How text is to be read, where it does not tell by itself."""

    encoding: str | None = None
    quoting: Quoting | None = None


@dataclass(frozen=True, slots=True)
class Columns:
    """Some columns of a file, all of its rows."""

    texts: Sequence[Sequence[object]]  # one or two columns, each (rows,)
    labels: Sequence[object]  # (rows,)
    facts: Counter[str] = field(default_factory=Counter)
    """What a reader should know of how they were read, each with a number of rows, or 0 where none belongs to it."""


@dataclass(frozen=True, slots=True)
class Table:
    """A data file whose columns are known, and whose rows can be read."""

    file: Path
    columns: tuple[str, ...]
    """Names; one may stand twice, and be empty."""
    read: Read
    """Takes the names of one or two text columns and of the label column. Raises DataError."""
    is_open: bool = False
    """Whether a row need not have every column, as lines of JSON do not: what it lacks is None."""


def refusal(file: Path | str, line: int | None, why: str) -> DataError:
    """Say why a file is not read: where, what, and what to do."""
    return DataError(f"cannot read {file}{'' if line is None else f', line {line}'}: {why}")


def check_names(table: Table, names: Sequence[str]) -> None:
    """Refuse to choose between columns of one name, and a file that lacks a column which another file of its split has.

    Raises:
        DataError: a name stands twice or not at all.

    """
    for name in names:
        if table.columns.count(name) > 1:
            raise refusal(table.file, None, f"two columns are called {name}; give one of them another name")
        if name not in table.columns and not table.is_open:
            raise refusal(table.file, None, f"it has no column {name}, as the other files of its split do")


def in_words(facts: Counter[str]) -> tuple[str, ...]:
    """Write facts as notes."""
    return tuple(f"{fact}: {num:,}" if num else fact for fact, num in facts.items())
