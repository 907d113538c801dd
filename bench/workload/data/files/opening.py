"""Opens a data file of any kind, and reads the files of a split as one."""

from __future__ import annotations

from collections import Counter
from itertools import chain
from typing import TYPE_CHECKING

from bench.workload.data.columns import choose_columns
from bench.workload.data.files.columnar import open_arrow, open_parquet
from bench.workload.data.files.delimited import open_delimited
from bench.workload.data.files.objects import open_json
from bench.workload.data.files.table import Options, check_names, refusal
from bench.workload.data.files.unpack import read_bytes
from bench.workload.file_kinds import COMPRESSIONS, KINDS, kind_of
from bench.workload.rows import joined

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from bench.experiment.spec import WorkloadSpec
    from bench.workload.data.files.table import Table

__all__ = ["open_split", "open_table", "read_split"]


def open_table(file: Path, options: Options) -> Table:
    """Open a data file of any kind and find its columns.

    Raises:
        DataError: it cannot be read completely.

    """
    kind = kind_of(file)
    data = None
    if kind not in _IN_PLACE or file.suffix.lower() in COMPRESSIONS:
        data, kind = read_bytes(file)
    _check_content(file, kind, data)
    if options.encoding is not None and kind in _IN_PLACE:
        raise refusal(file, None, "it is no text; leave --encoding out")
    if options.quoting is not None and KINDS.get(str(kind)) != "delimited":
        raise refusal(file, None, "it holds no separated values; leave --quoting out")
    if kind in _IN_PLACE:
        return open_parquet(data, file) if KINDS[kind] == "parquet" else open_arrow(data, file)
    assert data is not None
    assert kind is not None
    if KINDS[kind] == "json":
        return open_json(data, file, options)
    return open_delimited(data, kind, file, options)


def open_split(spec: WorkloadSpec, files: Sequence[Path]) -> tuple[list[Table], tuple[str, ...], str]:
    """Open the files of one split, and choose its text columns and its label column.

    Raises:
        DataError, UnknownName: a file cannot be read, or lacks a column.

    """
    tables = [open_table(file, Options(spec.encoding, spec.quoting)) for file in files]
    # A line of JSON may lack a column; other files must have the columns of the first.
    told = tables if all(table.is_open for table in tables) else tables[:1]
    columns = tuple(chain.from_iterable(table.columns for table in told))
    return tables, *choose_columns(spec, tuple(dict.fromkeys(columns)), files[0].name)


def read_split(
    tables: Sequence[Table], texts: Sequence[str], label: str
) -> tuple[list[object], list[object], Counter[str]]:
    """Read the files of a split one after another; return texts (of two columns, pairs), labels, and facts.

    Raises:
        DataError: a file cannot be read, or lacks a column.

    """
    rows: list[object] = []
    labels: list[object] = []
    facts = Counter[str]()
    for table in tables:
        check_names(table, [*texts, label])
        columns = table.read(texts, label)
        rows += joined(columns.texts)
        labels += columns.labels
        for fact, num in columns.facts.items():
            facts[fact] += num  # adding counters would drop entries of 0
    return rows, labels, facts


def _check_content(file: Path, kind: str | None, data: bytes | None) -> None:
    """Refuse a file whose first bytes show that it is something else than its name says."""
    if data is None:
        with file.open("rb") as opened:
            data = opened.read(HEAD)
    head = data[:HEAD].lstrip()
    for mark, (own, what) in _CONTENTS.items():
        if head.startswith(mark) and KINDS.get(str(kind)) != own:
            raise refusal(file, None, what)


HEAD = 64
"""First bytes that identify a file."""
_CONTENTS: Mapping[bytes | tuple[bytes, ...], tuple[str, str]] = {
    b"version https://git-lfs": ("", "it is a pointer of Git LFS, not the data; fetch them (git lfs pull)"),
    (b"<!DOCTYPE", b"<!doctype", b"<html"): ("", "it is a page of the web, not the data; download the file itself"),
    b"PK\x03\x04": ("", "it is a zip file or a workbook; name it .zip, or save it as CSV"),
    b"\xd0\xcf\x11\xe0": ("", "it is an old workbook; save it as CSV"),
    b"\x1f\x8b": ("", "it is packed by gzip; add .gz to its name"),
    b"PAR1": ("parquet", "it is a Parquet file; name it .parquet"),
    b"ARROW1": ("arrow", "it is an Arrow file; name it .arrow"),
}
"""By the first bytes: the kind of which they are typical, and the message for a file of any other kind."""
_IN_PLACE = {kind for kind, reader in KINDS.items() if reader in {"parquet", "arrow"}}
"""Kinds that are read in place, unless compressed."""
