"""Reads data sets of the Hub through `datasets`."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import datasets  # type: ignore[import-untyped]

from bench.errors import DataError, first_line
from bench.workload.data.columns import choose_columns, choose_splits
from bench.workload.rows import Rows, joined

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.experiment.spec import WorkloadSpec

__all__ = ["read_hub"]


def read_hub(spec: WorkloadSpec) -> tuple[Rows, Rows | None]:
    """Read the training split of a data set on the Hub, and its evaluation split where it has one.

    Raises:
        DataError: the Hub does not provide it.
        UnknownName: it lacks a split or a column that was asked for.

    """
    with _explained(f"data set {spec.dataset} of the Hub"):
        splits = datasets.load_dataset(spec.dataset, *[spec.subset] * (spec.subset is not None))
    train, evaluation = choose_splits(spec, splits)
    first, *second = [
        _rows(splits[split], *choose_columns(spec, splits[split].column_names, spec.dataset))
        for split in (train, evaluation)
        if split
    ]
    return first, second[0] if second else None


def _rows(dataset: datasets.Dataset, texts: tuple[str, ...], label: str) -> Rows:
    feature, labels = dataset.features[label], dataset[label][:]
    if isinstance(feature, datasets.ClassLabel):
        labels = [None if number is None or number < 0 else feature.names[number] for number in labels]
    return Rows(joined([dataset[name][:] for name in texts]), labels)


@contextmanager
def _explained(what: str) -> Iterator[None]:
    """Silence `datasets`, and turn its errors into one line."""
    bars = datasets.is_progress_bar_enabled()
    datasets.disable_progress_bars()
    try:
        yield
    except MemoryError:
        raise
    except Exception as error:
        cause: BaseException = error
        while cause.__cause__ is not None:  # the innermost error says what is wrong with which line
            cause = cause.__cause__
        told = str(cause).partition("available configs:")[2].strip() if "Config name is missing" in str(cause) else ""
        why = (
            f"it holds several data sets, {told.splitlines()[0]}; name one with --subset" if told else first_line(cause)
        )
        raise DataError(f"cannot read {what}: {why}") from error
    finally:
        if bars:
            datasets.enable_progress_bars()
