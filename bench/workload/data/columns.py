"""Chooses the splits and columns of a data set."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bench.errors import DataError, UnknownName

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from bench.experiment.spec import WorkloadSpec

__all__ = ["choose_columns", "choose_splits"]

TEXT_NAMES = ("text", "sentence", "review", "content")
LABEL_NAMES = ("label", "labels", "category", "sentiment", "class")
EVAL_NAMES = ("validation", "valid", "val", "dev", "eval", "evaluation", "test")
MOST_NAMES, MOST_CHARACTERS = 20, 40
"""The most characters of columns in a message: a row of data taken for a header can be long."""
MOST_WORDS = 4
"""The most characters of a column's name."""
_NUMBER = re.compile(r"\s*[+-]?\d+([.,]\d+)?\s*")


def choose_splits(spec: WorkloadSpec, splits: Iterable[str]) -> tuple[str, str | None]:
    """Choose the training split, and the evaluation split if there is one, of those that the data set has.

    Raises:
        UnknownName: a split that was asked for does not exist.
        DataError: both are the same, or no training split is recognised, or only one that may be a part of it.

    """
    known = list(splits)
    for wanted in (spec.train_split, spec.eval_split):
        if wanted is not None and wanted not in known:
            raise UnknownName(f"split of {spec.dataset}", wanted, known)
    train = spec.train_split or next((name for name in ("train", *known[: len(known) == 1]) if name in known), None)
    together = "parts of one split belong into one folder, such as train/"
    if train is None:
        numbered = f", or {together}" if any(name[-1:].isdecimal() for name in known) else ""
        listing = ", ".join(known)
        msg = f"{spec.dataset} has no split called train, only {listing}; name the one to train on (--train-split){numbered}"
        raise DataError(msg)
    is_part = re.compile(rf"{re.escape(train)}[-_. ]?\d+").fullmatch
    if spec.train_split is None and (part := next(filter(is_part, known), None)):
        msg = f"{spec.dataset} has splits {train} and {part}; {together}, or name the one to train on (--train-split)"
        raise DataError(msg)
    if train == spec.eval_split:
        msg = f"split {train} of {spec.dataset} cannot be trained on and evaluated on; leave the evaluation split out"
        raise DataError(msg)
    found = (name for name in EVAL_NAMES if name in known and name != train)
    return train, spec.eval_split or next(found, None)


def choose_columns(
    spec: WorkloadSpec,
    columns: Collection[str],
    where: str,
    *,
    text_names: Iterable[str] = TEXT_NAMES,
    label_names: Iterable[str] = LABEL_NAMES,
) -> tuple[tuple[str, ...], str]:
    """Choose the text column, or two, and the label column: those asked for, else those with a well-known name.

    Two text columns are asked for as A,B, unless a column has that very name.

    Raises:
        UnknownName: a column that was asked for does not exist.
        DataError: no column has a well-known name.

    """
    texts = _asked(spec.text_column, columns) if spec.text_column is not None else _usual(columns, text_names)
    labels = [spec.label_column] if spec.label_column is not None else _usual(columns, label_names)
    unknown = [name for name in (*texts, *labels) if name not in columns]
    unnamed = [kind for kind, found in (("text", texts), ("label", labels)) if not found]
    header = "; its first row reads like data: put one with the names of columns above it" if _is_data(columns) else ""
    shown = [name if len(name) <= MOST_CHARACTERS else f"{name[:MOST_CHARACTERS]}..." for name in columns]
    if unnamed:
        what = " and ".join(f"no {kind} column" for kind in unnamed)
        options = ", ".join(f"--{kind}-column" for kind in unnamed)
        them = "them" if len(unnamed) > 1 else "it"
        listing = ", ".join(shown[:MOST_NAMES]) + (", ..." if len(shown) > MOST_NAMES else "")
        asked = f"no column {', '.join(unknown)}, and " if unknown else ""
        raise DataError(f"{where} has {asked}{what} by a usual name, only {listing}; name {them} ({options}){header}")
    if unknown:
        also = " ".join(f"Nor is there {name!r}." for name in unknown[1:])
        raise UnknownName(f"column of {where}", unknown[0], columns, hint=also + header)
    if len(texts) > 1 and texts[0] == texts[1]:
        raise DataError(f"--text-column names {texts[0]} twice; a pair is of two columns")
    return tuple(texts), labels[0]


def _asked(wanted: str, columns: Collection[str]) -> list[str]:
    """Parse A or A,B, where a column's name may itself contain a comma."""
    if wanted in columns or "," not in wanted:
        return [wanted]
    pieces = wanted.split(",")
    if len(pieces) > 2 and all(piece.strip() in columns for piece in pieces):  # noqa: PLR2004  (a pair)
        raise DataError(f"--text-column names {len(pieces)} columns; give one, or two that the model reads as a pair")
    pairs = [(",".join(pieces[:cut]).strip(), ",".join(pieces[cut:]).strip()) for cut in range(1, len(pieces))]
    return list(max(pairs, key=lambda pair: sum(name in columns for name in pair)))


def _usual(columns: Collection[str], names: Iterable[str]) -> list[str]:
    by_name = {column.strip().lower(): column for column in reversed(list(columns))}
    return [by_name[name.lower()] for name in names if name.lower() in by_name][:1]


def _is_data(columns: Collection[str]) -> bool:
    """Whether column names look like a row of data: there is a number, a sentence or a duplicate among them."""
    names = [name for name in columns if name.strip()]
    return len(set(names)) < len(names) or any(len(n.split()) > MOST_WORDS or _NUMBER.fullmatch(n) for n in names)
