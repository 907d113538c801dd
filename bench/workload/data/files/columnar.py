"""Parquet and Arrow files, with the names of classes that `datasets` writes into their schema."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyarrow import ipc, parquet

from bench.errors import first_line
from bench.workload.data.files.table import Columns, Table, check_names, refusal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["open_arrow", "open_parquet"]

END_OF_STREAM = b"\xff\xff\xff\xff\0\0\0\0"
"""What follows the last batch: a stream that was cut off between two batches does not have it."""


def open_parquet(data: bytes | None, file: Path) -> Table:
    """Read the schema of a Parquet file: of its bytes where they were unpacked, else where it lies.

    Raises:
        DataError: it is none.

    """
    try:
        opened = parquet.ParquetFile(str(file) if data is None else pa.py_buffer(data))
        schema = opened.schema_arrow
    except (OSError, ValueError, pa.ArrowException) as error:
        raise refusal(file, None, first_line(error)) from error

    def load(names: Sequence[str]) -> Any:
        # A dot in a name would be read as the way to a field inside a column.
        columns = None if any("." in name for name in names) else list(names)
        table = opened.read(columns=columns)
        if table.num_rows != opened.metadata.num_rows:
            raise refusal(file, None, f"it gives {table.num_rows} of its {opened.metadata.num_rows} rows")
        return table

    return _table(file, schema, load)


def open_arrow(data: bytes | None, file: Path) -> Table:
    """Read the schema of an Arrow file or stream: of its bytes where they were unpacked, else where it lies.

    Raises:
        DataError: it is none, or was cut off.

    """
    try:
        buffer = pa.memory_map(str(file)).read_buffer() if data is None else pa.py_buffer(data)
        if buffer.slice(0, 6).to_pybytes() == b"ARROW1":
            reader = ipc.open_file(buffer)
        else:
            reader = ipc.open_stream(buffer)
            if buffer.slice(max(0, len(buffer) - 8)).to_pybytes() != END_OF_STREAM:
                raise refusal(file, None, "its end is missing; copy it again")
    except (OSError, ValueError, pa.ArrowException) as error:
        raise refusal(file, None, first_line(error)) from error
    return _table(file, reader.schema, lambda _: reader.read_all())


def _table(file: Path, schema: Any, load: Any) -> Table:
    def read(texts: Sequence[str], label: str) -> Columns:
        names = [*texts, label]
        check_names(table, names)
        try:
            loaded = load(list(dict.fromkeys(names)))
            *columns, labels = (loaded.column(name).to_pylist() for name in names)
        except (OSError, ValueError, pa.ArrowException) as error:
            raise refusal(file, None, first_line(error)) from error
        return Columns(columns, _named(labels, _classes(schema, label), file), Counter())

    table = Table(file, tuple(schema.names), read)
    return table


def _classes(schema: Any, label: str) -> Sequence[str] | None:
    """Give the names of a column's classes, where `datasets` wrote it as numbers of classes."""
    try:
        feature = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"][label]
        return feature["names"] if feature["_type"] == "ClassLabel" else None
    except (KeyError, TypeError, ValueError):  # it is written by something else
        return None


def _named(labels: Sequence[Any], classes: Sequence[str] | None, file: Path) -> Sequence[object]:
    """Put the names of classes in place of their numbers; a negative one is no class."""
    if classes is None:
        return labels
    if beyond := next((label for label in labels if label is not None and label >= len(classes)), None):
        raise refusal(file, None, f"a row has the class {beyond}, of {len(classes)} that its schema names")
    return [None if label is None or label < 0 else classes[label] for label in labels]
