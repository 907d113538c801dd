"""From labels of any kind to class names, and their order."""

from __future__ import annotations

import math
import re

__all__ = ["KEPT_BACK", "class_of", "natural_order"]

KEPT_BACK = "-1"
"""What public test splits have in every row in place of hidden labels."""
_WHOLE = re.compile(r"-?(0|[1-9]\d*)\.0+")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")


def class_of(label: object) -> str | None:
    """Return the class name of a label: 1, 1.0 and "1" are one class, and so are a name with and without blanks around it.

    None where there is no label.

    Raises:
        TypeError: the label is a collection, or bytes, which have no encoding.

    """
    if isinstance(label, list | tuple | dict | set | bytes):
        raise TypeError(f"{label!r} is no single label")
    if label is None or (isinstance(label, float) and not math.isfinite(label)):
        return None
    name = str(int(label)) if isinstance(label, float) and label.is_integer() else str(label).strip()
    if _WHOLE.fullmatch(name):  # pandas writes whole numbers so where a column has gaps
        name = name.partition(".")[0]
    return name or None


def natural_order(name: str) -> tuple[bool, float, list[tuple[int, str]], str]:
    """Return the sort key of a class name: numbers by value, then text with the numbers inside it by value."""
    if _NUMBER.fullmatch(name):
        return False, float(name), [], name
    parts = [(int(part), "") if part.isdecimal() else (0, part.casefold()) for part in re.split(r"(\d+)", name)]
    return True, 0.0, parts, name
