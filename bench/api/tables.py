"""Data from memory: a DataFrame or a data set becomes a Parquet file in the cache, named by its content.

What was compared then lies in a file that a later run, or a reader of the record, can read again.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from bench.cache import build_once, cache_dir
from bench.errors import DataError, UsageError, first_line
from bench.experiment.spec import WorkloadSpec
from bench.workload.data.columns import choose_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["dataset_named"]


def dataset_named(data: object, text: str | None, label: str | None) -> str:
    """Name the data set as `--dataset` does; what is a table in memory is written to the cache first.

    A mapping of names to tables, such as a `DatasetDict`, is a data set of these splits. Of a table the columns of
    texts and labels are kept, with their types; the classes of `datasets` go by their names.

    Raises:
        UsageError: `data` is neither a name nor a table.
        DataError: a table lacks a column, or has one of mixed types.
        AssetError: the cache cannot be written.

    """
    if isinstance(data, str | Path):
        return str(data)
    tables = data if isinstance(data, Mapping) else {"train": data}
    if not tables:
        raise UsageError("data= holds no split; give tables by the names of their splits, such as train and test")
    spec = WorkloadSpec(text_column=text, label_column=label)
    written = {
        str(split): _parquet(table, spec, f"the {type(table).__name__}{f' of split {split}' if tables is data else ''}")
        for split, table in tables.items()
    }
    digest = hashlib.sha256(
        repr(sorted((name, hashlib.sha256(file).hexdigest()) for name, file in written.items())).encode()
    )

    def write(folder: Path) -> None:
        for split, file in written.items():
            (folder / f"{split}.parquet").write_bytes(file)

    return str(build_once(cache_dir() / "tables" / f"table-{digest.hexdigest()[:12]}", write))


def _parquet(table: object, spec: WorkloadSpec, where: str) -> bytes:
    """Write the columns in use of one table as the bytes of a Parquet file."""
    datasets = sys.modules.get("datasets")  # whoever has a data set of it has imported it, which takes seconds
    try:
        if datasets and isinstance(table, datasets.Dataset):
            loaded = _of_datasets(table, spec, where)
        elif isinstance(table, pd.DataFrame):
            loaded = _of_pandas(table, spec, where)
        elif hasattr(table, "__arrow_c_stream__") and not isinstance(table, pd.Series):
            loaded = pa.table(table)
            loaded = loaded.select(_chosen(spec, loaded.column_names, where))
        else:
            raise UsageError(
                f"{where} is no table: give a preset, a file, a directory of splits, a Hub id, a DataFrame of pandas or polars, "
                "an Arrow table, a datasets.Dataset, or such tables by the names of their splits"
            )
        sink = pa.BufferOutputStream()
        # Without the metadata that pandas and datasets add: the same rows make the same file.
        parquet.write_table(loaded.replace_schema_metadata(None), sink)
    except (pa.ArrowException, TypeError, OverflowError) as error:
        msg = f"{where} cannot be written as a table: {first_line(error)}; give each column one type, such as text"
        raise DataError(msg) from error
    return bytes(sink.getvalue())


def _of_pandas(frame: pd.DataFrame, spec: WorkloadSpec, where: str) -> Any:
    named = frame.set_axis([str(name) for name in frame.columns], axis="columns")
    chosen = _chosen(spec, list(named.columns), where)
    return pa.Table.from_pandas(named[chosen], preserve_index=False)


def _of_datasets(dataset: Any, spec: WorkloadSpec, where: str) -> Any:
    chosen = _chosen(spec, dataset.column_names, where)
    loaded = dataset.select_columns(chosen).with_format("arrow")[:]
    classes = getattr(dataset.features[chosen[-1]], "names", None)
    if classes is None:
        return loaded
    numbers = loaded.column(chosen[-1]).to_pylist()
    labels = [None if number is None or number < 0 else classes[number] for number in numbers]
    return loaded.set_column(len(chosen) - 1, chosen[-1], pa.array(labels, pa.string()))


def _chosen(spec: WorkloadSpec, columns: Sequence[str], where: str) -> list[str]:
    """Choose the columns of texts, and last that of labels.

    Raises:
        DataError, UnknownName: one is missing, or there twice.

    """
    texts, label = choose_columns(spec, columns, where)
    if twice := next((name for name in (*texts, label) if list(columns).count(name) > 1), None):
        raise DataError(f"{where} has several columns {twice}; rename all but one")
    return list(dict.fromkeys((*texts, label)))
