"""From labels of any kind to class numbers, decided once, before training."""

from __future__ import annotations

import math
import re

__all__ = ["class_of", "natural_order"]

UNLABELLED = "-1"
"""What public test splits hold in place of a label that is kept back."""
_WHOLE = re.compile(r"-?(0|[1-9]\d*)\.0+")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")


def class_of(label: object) -> str | None:
    """Name the class of a label: 1, 1.0 and "1" are one class; None where there is no label.

    Raises:
        TypeError: the label is a collection.

    """
    if isinstance(label, list | tuple | dict | set):
        msg = f"{label!r} is no single label"
        raise TypeError(msg)
    if label is None or (isinstance(label, float) and not math.isfinite(label)):
        return None
    name = str(int(label)) if isinstance(label, float) and label.is_integer() else str(label).strip()
    if _WHOLE.fullmatch(name):  # which pandas writes where a column of numbers has gaps
        name = name.partition(".")[0]
    return None if name in {"", UNLABELLED} else name


def natural_order(name: str) -> tuple[bool, float, list[tuple[int, str]], str]:
    """Sort key of class names: numbers by value, then text with the numbers inside it by value."""
    if _NUMBER.fullmatch(name):
        return False, float(name), [], name
    parts = [(int(part), "") if part.isdecimal() else (0, part.casefold()) for part in re.split(r"(\d+)", name)]
    return True, 0.0, parts, name
