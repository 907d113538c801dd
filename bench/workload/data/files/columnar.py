"""Parquet and Arrow files, with the names of classes that `datasets` writes into their schema."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyarrow import ipc, parquet

from bench.errors import first_line
from bench.workload.data.files.table import Columns, Table, refusal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["open_arrow", "open_parquet"]

END_OF_STREAM = b"\xff\xff\xff\xff\0\0\0\0"
"""The end marker of a stream, which one that was cut off between two batches lacks."""


def open_parquet(data: bytes | None, file: Path) -> Table:
    """Read the schema of a Parquet file, from its unpacked bytes if given, else from the file.

    Raises:
        DataError: it is none.

    """
    try:
        opened = parquet.ParquetFile(str(file) if data is None else pa.py_buffer(data))
        schema = opened.schema_arrow
    except (OSError, ValueError, pa.ArrowException) as error:
        raise refusal(file, None, first_line(error)) from error

    def load(names: Sequence[str]) -> Any:
        # pyarrow takes a dot in a name for the path to a field inside a column.
        columns = None if any("." in name for name in names) else list(names)
        table = opened.read(columns=columns)
        if table.num_rows != opened.metadata.num_rows:
            raise refusal(file, None, f"it gives {table.num_rows} of its {opened.metadata.num_rows} rows")
        return table

    return _table(file, schema, load)


def open_arrow(data: bytes | None, file: Path) -> Table:
    """Read the schema of an Arrow file or stream, from its unpacked bytes if given, else from the file.

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
        try:
            loaded = load(list(dict.fromkeys(names)))
            *columns, labels = (loaded.column(name).to_pylist() for name in names)
        except (OSError, ValueError, pa.ArrowException) as error:
            raise refusal(file, None, first_line(error)) from error
        return Columns(columns, _named(labels, _classes(schema, label), file), Counter())

    return Table(file, tuple(schema.names), read)


def _classes(schema: Any, label: str) -> Sequence[str] | None:
    """Return the class names of a column that `datasets` wrote as class numbers; None for any other."""
    try:
        feature = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"][label]
        return feature["names"] if feature["_type"] == "ClassLabel" else None
    except (KeyError, TypeError, ValueError):  # not written by `datasets`
        return None


def _named(labels: Sequence[Any], classes: Sequence[str] | None, file: Path) -> Sequence[object]:
    """Replace class numbers by names; a negative number is no class."""
    if classes is None:
        return labels
    if beyond := next((label for label in labels if label is not None and label >= len(classes)), None):
        raise refusal(file, None, f"a row has the class {beyond}, of {len(classes)} that its schema names")
    return [None if label is None or label < 0 else classes[label] for label in labels]
