"""What a source of data gives before anything is made of it: raw texts and labels by split."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Raw", "Rows", "Text"]

Text = str | tuple[str, str]
"""Of a row: one text, or two that the tokenizer joins."""


@dataclass(frozen=True, slots=True)
class Rows:
    """One split as it was read: texts and labels of whatever type the source has."""

    texts: Sequence[object]
    """A text column's values, or of two text columns a tuple of both values per row."""
    labels: Sequence[object]
    notes: tuple[str, ...] = ()
    """What a reader should know of how it was read, in a few words each: "separated by ;"."""


@dataclass(frozen=True, slots=True)
class Raw:
    """A data set that can be read."""

    fingerprint: str
    """Changes with the content."""
    read: Callable[[], tuple[Rows, Rows | None]]
    """Gives the training split, and the evaluation split where the data set has one."""
