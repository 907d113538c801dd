"""Local data sets before they are read: their files, and the splits and columns in use."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import TYPE_CHECKING

from bench.errors import DataError, UnknownName
from bench.workload.causes import first_line

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from bench.spec import WorkloadSpec

__all__ = ["FORMATS", "choose_columns", "choose_splits", "columns_of", "local_files"]

FORMATS = {".csv": "csv", ".tsv": "csv", ".jsonl": "json", ".parquet": "parquet"}
"""The reader of `datasets` for each kind of file."""
TEXT_NAMES = ("text", "sentence", "review", "content")
LABEL_NAMES = ("label", "labels", "category", "sentiment", "class")
EVAL_NAMES = ("validation", "valid", "dev", "eval", "evaluation", "test")


def local_files(dataset: str) -> dict[str, Path]:
    """Map the splits of a local data set to their files; empty where there is nothing local.

    A file is one split, "train". In a directory, every file of a known kind is the split that
    its name says: train.csv, test.csv.

    Raises:
        DataError: a directory without such files, with two for one split, or a file of another kind.

    """
    path = Path(dataset).expanduser()
    kinds = ", ".join(FORMATS)
    if path.is_file():
        if path.suffix.lower() not in FORMATS:
            msg = f"{path} is no data file that can be read; give one of {kinds}"
            raise DataError(msg)
        return {"train": path}
    if not path.is_dir():
        return {}
    files: dict[str, Path] = {}
    for file in sorted(path.iterdir()):
        if file.suffix.lower() in FORMATS and file.is_file():
            if other := files.get(file.stem):
                msg = f"{path} holds {other.name} and {file.name} for one split; keep one of them"
                raise DataError(msg)
            files[file.stem] = file
    if not files:
        msg = f"{path} holds no split; name its files train.csv, test.csv and so on (or {kinds})"
        raise DataError(msg)
    return files


def choose_splits(spec: WorkloadSpec, splits: Iterable[str]) -> tuple[str, str | None]:
    """Pick the training split, and the evaluation split if there is one, of those that the data set has.

    Raises:
        UnknownName: a split that was asked for does not exist.
        DataError: both are the same, or no training split is recognised.

    """
    known = list(splits)
    for wanted in (spec.train_split, spec.eval_split):
        if wanted is not None and wanted not in known:
            raise UnknownName(f"split of {spec.dataset}", wanted, known)
    train = spec.train_split or next((name for name in ("train", *known[: len(known) == 1]) if name in known), None)
    if train is None:
        msg = f"{spec.dataset} has no split called train, only {', '.join(known)}; name the one to train on"
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
) -> tuple[str, str]:
    """Pick the text and the label column: those that were asked for, else those with a well-known name.

    Raises:
        UnknownName: a column that was asked for does not exist.
        DataError: no column has a well-known name.

    """

    def choose(kind: str, wanted: str | None, names: Iterable[str]) -> str:
        if wanted is not None:
            if wanted not in columns:
                raise UnknownName(f"column of {where}", wanted, columns)
            return wanted
        by_name = {column.strip().lower(): column for column in reversed(list(columns))}
        found = next((by_name[name.lower()] for name in names if name.lower() in by_name), None)
        if found is None:
            msg = f"{where} has no {kind} column by a usual name, only {', '.join(columns)}; name it (--{kind}-column)"
            raise DataError(msg)
        return found

    return choose("text", spec.text_column, text_names), choose("label", spec.label_column, label_names)


def columns_of(file: Path) -> tuple[str, ...]:
    """Read the names of the columns of a data file, from its first line or its schema.

    Raises:
        DataError: the file is empty or is not what its name says.

    """
    try:
        if file.suffix.lower() == ".parquet":
            from pyarrow import parquet  # noqa: PLC0415  only this kind of file needs it

            return tuple(parquet.read_schema(file).names)
        with file.open(encoding="utf-8-sig", newline="") as lines:
            if file.suffix.lower() == ".jsonl":
                return _keys(json.loads(next(line for line in lines if line.strip())))
            return tuple(next(csv.reader(lines, delimiter="\t" if file.suffix.lower() == ".tsv" else ",")))
    except StopIteration:
        msg = f"{file} is empty"
        raise DataError(msg) from None
    except (csv.Error, OSError, ValueError) as error:
        msg = f"cannot read {file}: {first_line(error)}"
        raise DataError(msg) from error


def _keys(row: object) -> tuple[str, ...]:
    if not isinstance(row, dict):
        msg = 'the first line is no object such as {"text": "...", "label": "..."}'
        raise ValueError(msg)  # noqa: TRY004  (the file is wrong, not the caller)
    return tuple(map(str, row))
