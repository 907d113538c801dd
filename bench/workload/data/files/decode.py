"""Decodes bytes: UTF-8, or what a byte order mark or the user says; anything else is refused, never guessed."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

from bench.workload.data.files.table import refusal

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["decode"]

MARKS = (  # the longer ones first: UTF-32's begins as UTF-16's does
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
SHOWN = 20
"""Characters shown before and after one that cannot be decoded."""
HEAD = 40
"""Bytes at the beginning in which UTF-16 is recognised."""


def decode(data: bytes, encoding: str | None, file: Path) -> tuple[str, str | None]:
    """Decode a text file, without its byte order mark; the second value names an encoding that is not UTF-8.

    An encoding of one byte per character decodes any bytes, so which one was meant cannot be known
    and is not guessed: the message shows the place decoded as Windows-1252. Where `encoding` is None,
    it is what the byte order mark says, or UTF-8.

    Raises:
        DataError: the bytes are not of that encoding, or it is unknown, or the text contains NUL characters.

    """
    marked = next((name for mark, name in MARKS if data.startswith(mark)), None)
    if encoding is None and marked is None and (wide := _unmarked(data)):
        raise refusal(file, None, f"it looks like UTF-16 without a byte order mark; give --encoding {wide}")
    wanted = encoding or marked or "utf-8"
    try:
        name = codecs.lookup(wanted).name
        text = data.decode(wanted)
        told = None if name == "utf-8" else wanted
    except (LookupError, UnicodeDecodeError) as error:
        raise refusal(file, *_undecoded(data, encoding, marked, error)) from error
    text = text.removeprefix("\ufeff")
    if (place := text.find("\0")) >= 0:
        raise refusal(file, _line(text[:place]), "it holds a NUL character, so it is damaged, or no text; mend it")
    return text, told


def _undecoded(data: bytes, encoding: str | None, marked: str | None, error: Exception) -> tuple[int | None, str]:
    """Return the line at which decoding fails, and what is wrong and what to do."""
    if not isinstance(error, UnicodeDecodeError):
        return None, f"there is no text encoding {encoding!r}; give --encoding utf-8, utf-16, windows-1252 or such"
    if encoding or marked:
        what = f"not {encoding}" if encoding else f"not {marked}, as its byte order mark says"
        line = _line(data[: error.start].decode(error.encoding, errors="replace"))
        return line, f"it is {what} ({error.reason}); give another --encoding"
    before = data[: error.start].decode().replace("\r\n", "\n").replace("\r", "\n").rpartition("\n")[2]
    after = data[error.start : error.start + SHOWN].decode("windows-1252", errors="replace")
    reads = f"{before[-SHOWN:]}{after.splitlines()[0]}".strip()
    why = (
        f"it is not UTF-8; give the encoding that it was written in, such as --encoding windows-1252 "
        f"if {reads!r} is right"
    )
    return _line(data[: error.start].decode()), why


def _line(before: str) -> int:
    """Return the number of the line after `before`."""
    return before.replace("\r\n", "\n").replace("\r", "\n").count("\n") + 1


def _unmarked(data: bytes) -> str | None:
    """Recognise UTF-16 without a mark by Latin letters at the beginning, of which every second byte is NUL."""
    head = data[:HEAD]
    for name, high in (("utf-16-le", head[1::2]), ("utf-16-be", head[::2])):
        if high.count(0) > len(head) / 4 and head.count(0) == high.count(0):
            return name
    return None
