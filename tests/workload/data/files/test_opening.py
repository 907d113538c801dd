from __future__ import annotations

import gzip
import io
import lzma
import zipfile
from typing import TYPE_CHECKING

import pyarrow as pa  # type: ignore[import-untyped]
import pytest
from pyarrow import parquet

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bench.workload.rows import Rows

    Read = Callable[..., tuple[Rows, Rows | None]]
    Write = Callable[..., Path]
    Refused = Callable[..., str]

CSV = b"text,label\na,1\nb,0\n"


def as_parquet() -> bytes:
    opened = io.BytesIO()
    parquet.write_table(pa.table({"text": ["a"], "label": ["1"]}), opened)
    return opened.getvalue()


def zipped() -> bytes:
    opened = io.BytesIO()
    with zipfile.ZipFile(opened, "w") as archive:
        archive.writestr("xl/workbook.xml", "x")
    return opened.getvalue()


@pytest.mark.parametrize("name", ["data.csv", "data.tsv", "data.jsonl", "data.parquet", "data.arrow", "data.csv.xz"])
@pytest.mark.parametrize(
    "case",
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n", "a pointer of Git LFS"),
        (b"\n<!DOCTYPE html>\n<html>", "a page of the web"),
        (zipped(), "a zip file or a workbook; name it .zip, or save it as CSV"),
        (gzip.compress(CSV), "packed by gzip; add .gz to its name"),
        (as_parquet(), "a Parquet file; name it .parquet"),
    ],
)
def test_a_file_that_is_something_else_is_named_for_what_it_is(
    name: str, case: tuple[bytes, str], write: Write, refused: Refused, read: Read
) -> None:
    content, told = case
    file = write(name, lzma.compress(content) if name.endswith(".xz") else content)
    if name == "data.parquet" and content.startswith(b"PAR1"):
        assert read(file)[0].texts == ["a"]
    else:
        assert told in refused(file)


def test_options_of_text_are_for_text(write: Write, refused: Refused) -> None:
    assert "it is no text; leave --encoding out" in refused(write("data.parquet", as_parquet()), encoding="utf-8")
    for name, content in (("data.parquet", as_parquet()), ("data.json", b'[{"text": "a", "label": 1}]')):
        assert "no separated values; leave --quoting out" in refused(write(name, content), quoting="none")


def test_a_split_that_stands_packed_beside_unpacked_is_refused(write: Write, refused: Refused, tmp_path: Path) -> None:
    write("set/train.csv", CSV)
    write("set/train.csv.gz", gzip.compress(CSV))
    assert "holds train.csv and train.csv.gz for one split; keep one of them" in refused(tmp_path / "set")
