"""From labels of any kind to class numbers, decided once, before training."""

from __future__ import annotations

import math
import re

__all__ = ["KEPT_BACK", "class_of", "natural_order"]

KEPT_BACK = "-1"
"""What public test splits have in every row, in place of labels that are kept back."""
_WHOLE = re.compile(r"-?(0|[1-9]\d*)\.0+")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")


def class_of(label: object) -> str | None:
    """Name the class of a label: 1, 1.0 and "1" are one class, and so are a name with and without blanks around it.

    None where there is no label.

    Raises:
        TypeError: the label is a collection, or bytes, which have no encoding.

    """
    if isinstance(label, list | tuple | dict | set | bytes):
        msg = f"{label!r} is no single label"
        raise TypeError(msg)
    if label is None or (isinstance(label, float) and not math.isfinite(label)):
        return None
    name = str(int(label)) if isinstance(label, float) and label.is_integer() else str(label).strip()
    if _WHOLE.fullmatch(name):  # which pandas writes where a column of numbers has gaps
        name = name.partition(".")[0]
    return name or None


def natural_order(name: str) -> tuple[bool, float, list[tuple[int, str]], str]:
    """Sort key of class names: numbers by value, then text with the numbers inside it by value."""
    if _NUMBER.fullmatch(name):
        return False, float(name), [], name
    parts = [(int(part), "") if part.isdecimal() else (0, part.casefold()) for part in re.split(r"(\d+)", name)]
    return True, 0.0, parts, name
