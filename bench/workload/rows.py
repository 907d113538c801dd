"""Raw texts and labels by split, as a source of data returns them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Raw", "Rows", "Text", "joined"]

Text = str | tuple[str, str]
"""The text of a row, or two texts that the tokenizer joins."""


def joined(columns: Sequence[Sequence[object]]) -> Sequence[object]:
    """Return the texts of every row: those of the one column, or pairs out of two."""
    return columns[0] if len(columns) == 1 else list(zip(*columns, strict=True))


@dataclass(frozen=True, slots=True)
class Rows:
    """One split as it was read, its texts and labels of any type."""

    texts: Sequence[object]
    """The values of the text column, or of two text columns a tuple per row."""
    labels: Sequence[object]
    notes: tuple[str, ...] = ()
    """How it was read, where a user should know, in a few words each: "separated by ;"."""


@dataclass(frozen=True, slots=True)
class Raw:
    """A data set that can be read."""

    fingerprint: str
    """Changes with the content."""
    read: Callable[[], tuple[Rows, Rows | None]]
    """Returns the training split, and the evaluation split where the data set has one."""
