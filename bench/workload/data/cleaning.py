"""Keeps the rows of a split that have a text and a label, and counts the others."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from bench.errors import DataError
from bench.workload.data.labels import KEPT_BACK, class_of

if TYPE_CHECKING:
    from bench.workload.rows import Rows, Text

__all__ = ["Cleaned", "clean", "without_labels"]


@dataclass(slots=True)
class Cleaned:
    """Texts with their class names, in the order of the source, and the numbers of rows left out."""

    texts: list[Text] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    num_rows: int = 0
    """Rows as read."""
    num_without_text: int = 0
    """Rows without a text; of a pair, without one of the two."""
    num_without_label: int = 0
    """Rows without a label, of those that have a text."""
    num_repeated: int = 0
    """Kept rows of which an earlier one has the same text."""
    num_contradicting: int = 0
    """Those of them whose class differs from that of the first."""
    spellings: dict[str, Counter[str]] = field(default_factory=dict)
    """The spellings of each class's label, with the number of rows of each."""


def without_labels(rows: Rows) -> str:
    """Return what a split with hidden labels has in their place; empty where it has labels, or no texts."""
    found = {_name(label) for text, label in zip(rows.texts, rows.labels, strict=True) if text} - {None}
    if not any(rows.texts) or found - {KEPT_BACK}:
        return ""
    return f"every row has {KEPT_BACK}, as where they are kept back" if found else "every row lacks it"


def clean(rows: Rows, where: str) -> Cleaned:
    """Return the rows of a split, called `where` in messages, that have a text (of a pair: both) and a label.

    Raises:
        DataError: a row holds something else than a text and a single label.

    """
    cleaned = Cleaned(num_rows=len(rows.texts))
    first: dict[Text, str] = {}
    for number, (text, label) in enumerate(zip(rows.texts, rows.labels, strict=True), 1):
        parts = text if isinstance(text, tuple) else (text,)
        if wrong := [part for part in parts if part is not None and not isinstance(part, str)]:
            msg = f"{where}: row {number} holds {wrong[0]!r} where a text is expected; choose another text column"
            raise DataError(msg)
        try:
            name = class_of(label)
        except TypeError as error:
            raise DataError(f"{where}: row {number}: {error}; choose another label column") from error
        if not all(part and part.strip() for part in parts):
            cleaned.num_without_text += 1
        elif name is None:
            cleaned.num_without_label += 1
        else:
            known = cast("Text", text)
            cleaned.texts.append(known)
            cleaned.names.append(name)
            written = label if isinstance(label, str) else name
            cleaned.spellings.setdefault(name, Counter())[written] += 1
            if earlier := first.get(known):
                cleaned.num_repeated += 1
                cleaned.num_contradicting += earlier != name
            else:
                first[known] = name
    return cleaned


def _name(label: object) -> str | None:
    """Return the name of a class; None for whatever is no single label, which is refused elsewhere."""
    try:
        return class_of(label)
    except TypeError:
        return repr(label)
