"""Matches the classes of a checkpoint's head with those of the data, by their names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from unicodedata import normalize

if TYPE_CHECKING:
    from collections.abc import Sequence

    from transformers import PreTrainedConfig

__all__ = ["aligned", "rows_of"]

_TRUTH = {"true": "1", "false": "0"}
_NAMELESS = re.compile(r"label_(0|[1-9]\d*)")
_WHOLE = re.compile(r"(-?\d+)\.0+")
MOST_NAMES = 5
"""The most names that a sentence lists."""


def rows_of(config: PreTrainedConfig, labels: Sequence[str]) -> tuple[int, ...] | str:
    """Return the row of a classifier's head for each class of the data, or why it cannot be determined."""
    if config.problem_type not in (None, "single_label_classification"):
        return f"it was trained for {config.problem_type.replace('_', ' ')}, not for one class of several"
    if config.num_labels == 1:
        return "it has a single output, that of a regression"
    names: dict[Any, Any] = dict(config.id2label or {})
    if sorted(names) != list(range(len(names))):
        return f"its id2label numbers its {len(names)} classes otherwise than from 0 on"
    numbers: dict[Any, Any] = dict(config.label2id or {})
    if any(_plain(str(names.get(int(number), ""))) != _plain(str(name)) for name, number in numbers.items()):
        return "its id2label and its label2id contradict each other"
    return aligned([str(names[number]) for number in range(len(names))], labels)


def aligned(names: Sequence[str], labels: Sequence[str]) -> tuple[int, ...] | str:
    """Return the index among `names` of each of `labels`, one to one; else what is ambiguous or missing.

    Case and surrounding blanks are ignored, and True and False are 1 and 0. The default names of
    transformers, LABEL_0 and so on, count as numbers where the labels are whole numbers from 0 on.
    """
    ours, theirs = [_plain(label) for label in labels], [_plain(name) for name in names]
    numbers = [_NAMELESS.fullmatch(name) for name in theirs]
    is_numbered = all(label.isdecimal() for label in ours)
    if all(numbers) and not any(map(_NAMELESS.fullmatch, ours)):
        if not (is_numbered and "0" in ours):
            return f"its classes have no names of their own ({_listed(names)}), and those of the data are {_listed(labels)}"
        theirs = [number[1] for number in numbers if number]
    for given, plain in ((names, theirs), (labels, ours)):
        if twice := next((name for place, name in enumerate(plain) if name in plain[:place]), None):
            same = [name for name, of_it in zip(given, plain, strict=True) if of_it == twice]
            return f"{' and '.join(map(repr, same))} are one and the same name"
    if lacking := [label for label, plain in zip(labels, ours, strict=True) if plain not in theirs]:
        return f"its classes are {_listed(names)}, and the data has {_listed(lacking)} too"
    return tuple(map(theirs.index, ours))


def _plain(name: str) -> str:
    """Normalise a name for comparison."""
    plain = normalize("NFC", name).strip().casefold()
    if whole := _WHOLE.fullmatch(plain):
        plain = whole[1]
    return _TRUTH.get(plain, plain)


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return ", ".join(names[:MOST_NAMES]) + more
