"""The class of each row as text, as short as can be: one letter a row for up to 62 classes."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = ["decode", "encode", "fits"]

_LETTERS = string.digits + string.ascii_letters
_BASE = len(_LETTERS)
_CODES = np.frombuffer(_LETTERS.encode(), dtype=np.uint8)
_NUMBERS = np.full(256, -1, dtype=np.int64)
_NUMBERS[_CODES] = np.arange(_BASE)


def encode(numbers: ArrayLike, num_classes: int) -> str:
    """Write class numbers, (rows,), in so many letters each as the number of classes takes."""
    digits = np.asarray(numbers, dtype=np.int64)[:, None] // _powers(num_classes) % _BASE
    letters: bytes = _CODES[digits].tobytes()
    return letters.decode()


def decode(text: str, num_classes: int) -> NDArray[np.int64]:
    """Read class numbers back, (rows,)."""
    powers = _powers(num_classes)
    digits = _NUMBERS[np.frombuffer(text.encode(), dtype=np.uint8)]
    numbers: NDArray[np.int64] = digits.reshape(-1, len(powers)) @ powers
    return numbers


def fits(text: str, num_rows: int, classes: Sequence[str]) -> bool:
    """Whether a text holds a class of those given for each of so many rows."""
    if len(text) != num_rows * len(_powers(len(classes))) or not text.isascii() or not text.isalnum():
        return not text and not num_rows
    return bool(decode(text, len(classes)).max() < len(classes))


def _powers(num_classes: int) -> NDArray[np.int64]:
    """What each letter counts, the first the most."""
    width = 1
    while _BASE**width < num_classes:
        width += 1
    return _BASE ** np.arange(width - 1, -1, -1, dtype=np.int64)
