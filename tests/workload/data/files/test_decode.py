from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

import pytest

from bench.experiment.spec import WorkloadSpec
from bench.workload.data.source import source_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bench.workload.rows import Rows

    Read = Callable[..., tuple[Rows, Rows | None]]
    Write = Callable[..., Path]
    Refused = Callable[..., str]

TEXT = "text,label\ncafé \u2013 “great” €5,1\nnaïve,0\n"
ROWS = ["café \u2013 “great” €5", "naïve"]


@pytest.mark.parametrize(
    ("data", "note"),
    [
        (TEXT.encode(), ()),
        (codecs.BOM_UTF8 + TEXT.encode(), ()),
        (TEXT.encode("utf-16"), ("read as utf-16",)),
        (codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"), ("read as utf-16",)),
        (TEXT.encode("utf-32"), ("read as utf-32",)),
    ],
)
def test_utf_8_and_what_a_mark_says(data: bytes, note: tuple[str, ...], write: Write, read: Read) -> None:
    found, _ = read(write("data.csv", data))
    assert list(found.texts) == ROWS
    assert found.notes == note


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_json_is_decoded_alike(codec: str, write: Write, read: Read) -> None:
    found, _ = read(write("data.jsonl", '{"text": "naïve €", "label": 1}\n{"text": "b", "label": 0}\n'.encode(codec)))
    assert found.texts == ["naïve €", "b"]
    assert found.notes == (() if codec.startswith("utf-8") else (f"read as {codec}",))


@pytest.mark.parametrize("codec", ["windows-1252", "latin-1", "cp1251", "shift_jis"])
def test_what_is_not_utf_8_is_refused_and_read_on_request(
    codec: str, write: Write, read: Read, refused: Refused
) -> None:
    word = {"cp1251": "кино", "shift_jis": "映画"}.get(codec, "café")
    file = write("data.csv", f"text,label\nplain,0\nplain {word} film,1\n".encode(codec))
    told = refused(file)
    assert "data.csv, line 3: it is not UTF-8" in told
    assert "--encoding windows-1252" in told
    assert ("plain café film" in told) == (word == "café")
    found, _ = read(file, encoding=codec)
    assert found.texts[1] == f"plain {word} film"
    assert found.notes == (f"read as {codec}",)


@pytest.mark.parametrize(
    ("data", "encoding", "told"),
    [
        (TEXT.encode("utf-16-le"), None, "--encoding utf-16-le"),
        (TEXT.encode("utf-16-be"), None, "--encoding utf-16-be"),
        (TEXT.encode(), "latin1-x", "no text encoding 'latin1-x'"),
        (TEXT.encode(), "base64", "no text encoding 'base64'"),
        (TEXT.encode(), "ascii", "line 2: it is not ascii"),
        (TEXT.encode("utf-16")[:-1], None, "it is not utf-16, as its byte order mark says"),
        (codecs.BOM_UTF8 + b"text,label\n\xff,1\n", None, "line 2: it is not utf-8, as its byte order mark says"),
        (b"text,label\na\0,1\n", None, "line 2: it holds a NUL character, so it is damaged"),
    ],
)
def test_what_cannot_be_decoded_says_what_to_give(
    data: bytes, encoding: str | None, told: str, write: Write, refused: Refused
) -> None:
    assert told in refused(write("data.csv", data), encoding=encoding)


def test_utf_16_without_a_mark_is_read_on_request(write: Write, read: Read) -> None:
    assert list(read(write("data.csv", TEXT.encode("utf-16-le")), encoding="utf-16-le")[0].texts) == ROWS


def test_the_encoding_is_part_of_what_was_read(write: Write) -> None:
    spec = WorkloadSpec(dataset=str(write("data.csv", TEXT)))
    assert source_of(spec).fingerprint != source_of(spec.model_copy(update={"encoding": "cp1252"})).fingerprint
