from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
from typing import TYPE_CHECKING

import pyarrow as pa  # type: ignore[import-untyped]
import pytest
from pyarrow import feather, parquet

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from bench.workload.rows import Rows

    Read = Callable[..., tuple[Rows, Rows | None]]
    Write = Callable[..., Path]
    Refused = Callable[..., str]

TABLE = pa.table({"text": ["a", "b", "c"], "label": ["1", "0", "1"]})


def zipped(members: Mapping[str, bytes]) -> bytes:
    opened = io.BytesIO()
    with zipfile.ZipFile(opened, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return opened.getvalue()


def content(kind: str) -> bytes:
    if kind == "csv":
        return b"text,label\na,1\nb,0\nc,1\n"
    if kind == "jsonl":
        return b'{"text": "a", "label": "1"}\n{"text": "b", "label": "0"}\n{"text": "c", "label": "1"}\n'
    opened = io.BytesIO()
    if kind == "parquet":
        parquet.write_table(TABLE, opened)
    elif kind == "arrow":
        with pa.ipc.new_stream(opened, TABLE.schema) as stream:
            stream.write_table(TABLE)
    else:
        feather.write_feather(TABLE, opened)
    return opened.getvalue()


PACKINGS: Mapping[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": lambda data: bytes(pa.compress(data, codec="zstd", asbytes=True)),
}


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet", "arrow", "feather"])
@pytest.mark.parametrize("packing", ["", ".zip", *PACKINGS])
def test_a_packed_file_is_read_as_it_would_be_unpacked(kind: str, packing: str, write: Write, read: Read) -> None:
    data = content(kind)
    if packing == ".zip":
        data = zipped({"__MACOSX/._inner": b"x", "folder/": b"", f"folder/inner.{kind}": data})
    elif packing:
        data = PACKINGS[packing](data)
    for name in (f"data.{kind}{packing}", f"data{packing}" if packing == ".zip" else f"DATA.{kind}{packing}"):
        found, _ = read(write(name, data))
        assert [list(found.texts), list(found.labels)] == [["a", "b", "c"], ["1", "0", "1"]]


def test_a_folder_of_packed_splits(write: Write, read: Read, tmp_path: Path) -> None:
    write("set/train.csv.gz", gzip.compress(content("csv")))
    write("set/test.csv.gz", gzip.compress(content("csv")))
    train, evaluation = read(tmp_path / "set")
    assert evaluation
    assert list(train.texts) == list(evaluation.texts)


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_packed_file_that_was_cut_off_is_refused(packing: str, kind: str, write: Write, refused: Refused) -> None:
    packed = PACKINGS[packing](content(kind) * 50)
    for data in (packed[:-3], packed[: len(packed) // 2], b"text,label\na,1\n", b""):
        told = refused(write(f"data.{kind}{packing}", data))
        assert f"cannot read {write(f'data.{kind}{packing}', data)}" in told or "is empty" in told


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (zipped({"a.csv": b"text,label\na,1\n", "b.csv": b"x"}), "it holds 2 files, not one; unpack it"),
        (zipped({}), "it holds 0 files"),
        (zipped({"a.docx": b"x"}), "a.docx in it is no data file"),
        (zipped({"a.csv": content("csv")})[:-30], "is it whole?"),
        (zipped({"a.csv": content("csv")}).replace(b"\na,1", b"\na,2"), "Bad CRC-32"),
    ],
)
def test_a_zip_file_holds_one_data_file(data: bytes, told: str, write: Write, refused: Refused) -> None:
    assert told in refused(write("data.zip", data))


def test_what_is_no_data_file_is_refused(write: Write, refused: Refused) -> None:
    for name in ("data.tar.gz", "data", "data.gz", "data.pkl"):
        assert "no data file that can be read; give one of .csv, .tsv" in refused(write(name, b"x"))
