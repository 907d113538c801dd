"""Reads local files and data sets of the Hub through `datasets`."""

from __future__ import annotations

import glob
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import datasets  # type: ignore[import-untyped]

from bench.errors import DataError
from bench.workload.causes import first_line
from bench.workload.reading import Rows
from bench.workload.sources import FORMATS, choose_columns, choose_splits

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bench.spec import WorkloadSpec

__all__ = ["read_file", "read_hub"]


def read_file(file: Path, text: str, label: str) -> Rows:
    """Read two columns of a local CSV, TSV, JSONL or Parquet file.

    All of a CSV or TSV is text, so that "NA" is a word and a label "1" the same in every split.

    Raises:
        DataError: the file cannot be read.

    """
    kind = FORMATS[file.suffix.lower()]
    options: dict[str, Any] = {}
    if kind == "csv":
        options = {
            "usecols": [text, label],  # another may be without a name
            "features": datasets.Features({name: datasets.Value("string") for name in (text, label)}),
            "keep_default_na": False,
            "sep": "\t" if file.suffix.lower() == ".tsv" else ",",
        }
    # The cache of `datasets` can give an earlier content of the same path: it gets an empty one.
    with TemporaryDirectory() as cache, _explained(str(file)):
        files = {"train": glob.escape(str(file.absolute()))}
        dataset = datasets.load_dataset(kind, data_files=files, split="train", cache_dir=cache, **options)
        return _rows(dataset, text, label)


def read_hub(spec: WorkloadSpec) -> tuple[Rows, Rows | None]:
    """Read the training split of a data set on the Hub, and its evaluation split where it has one.

    Raises:
        DataError: the Hub does not give it.
        UnknownName: it lacks a split or a column that was asked for.

    """
    with _explained(f"data set {spec.dataset} of the Hub"):
        splits = datasets.load_dataset(spec.dataset)
    train, evaluation = choose_splits(spec, splits)
    first, *second = [
        _rows(splits[split], *choose_columns(spec, splits[split].column_names, spec.dataset))
        for split in (train, evaluation)
        if split
    ]
    return first, second[0] if second else None


def _rows(dataset: datasets.Dataset, text: str, label: str) -> Rows:
    feature, labels = dataset.features[label], dataset[label][:]
    if isinstance(feature, datasets.ClassLabel):
        labels = [None if number is None or number < 0 else feature.names[number] for number in labels]
    return Rows(dataset[text][:], labels)


@contextmanager
def _explained(what: str) -> Iterator[None]:
    """Keep `datasets` quiet, and say in one line why it cannot read something."""
    bars = datasets.is_progress_bar_enabled()
    datasets.disable_progress_bars()
    try:
        yield
    except MemoryError:
        raise
    except Exception as error:
        cause: BaseException = error
        while cause.__cause__ is not None:  # the innermost says what is wrong with which line
            cause = cause.__cause__
        msg = f"cannot read {what}: {first_line(cause)}"
        raise DataError(msg) from error
    finally:
        if bars:
            datasets.enable_progress_bars()
