"""The ways of reading separated values, and whether a whole file fits one."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bench.experiment.choices import Quoting

__all__ = ["SEPARATORS", "Fit", "Misfit", "Record", "Way", "records", "try_way"]

SEPARATORS: Mapping[str, str] = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
"""Separators of fields, and their names."""
_QUOTING: Mapping[Quoting, Mapping[str, Any]] = {
    "none": {"quoting": csv.QUOTE_NONE, "quotechar": None},
    "standard": {},
    "backslash": {"escapechar": "\\"},
}


@dataclass(frozen=True, slots=True)
class Way:
    """One way to read a file of separated values."""

    separator: str
    quoting: Quoting


@dataclass(frozen=True, slots=True)
class Record:
    """A record, which is no empty line."""

    first_line: int
    """The line on which it begins, from 1."""
    last_line: int
    fields: list[str]


@dataclass(frozen=True, slots=True)
class Misfit:
    """The first place at which a way does not fit a file."""

    way: Way
    line: int
    num_columns: int
    """The number of fields of the header."""
    num_fields: int | None = None
    """The number of fields of the record on that line; None where something else is wrong with it."""
    is_mixed: bool = False
    """Whether a lone carriage return ends that line but not all others; else its quotes do not pair."""


@dataclass(frozen=True, slots=True)
class Fit:
    """A way in which every record of a file has as many fields as the header."""

    way: Way
    header: tuple[str, ...]
    num_rows: int
    broken: tuple[Record, ...]
    """Records that take more than one line."""


def records(text: str, way: Way) -> Iterator[Record]:
    """Yield the records of a text, the header first, without empty lines.

    Raises:
        csv.Error: quotes do not pair.

    """
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))
    lines = io.StringIO(text, newline="")  # ends lines as the csv module does: at \r, \n and \r\n
    reader = csv.reader(lines, delimiter=way.separator, strict=True, **_QUOTING[way.quoting])
    first_line = 1
    for fields in reader:
        if len(fields) > 1 or any(map(str.strip, fields)):
            yield Record(first_line, reader.line_num, fields)
        first_line = reader.line_num + 1


def try_way(text: str, way: Way) -> Fit | Misfit | None:
    """Read a whole text in one way; None where it is empty."""
    header: Record | None = None
    broken = []
    last_line = num_rows = 0
    try:
        for record in records(text, way):
            last_line = record.last_line
            if header is None:
                header = record
                continue
            if len(record.fields) != len(header.fields):
                return Misfit(way, record.first_line, len(header.fields), len(record.fields))
            num_rows += 1
            if record.last_line > record.first_line:
                broken.append(record)
    except csv.Error:
        return Misfit(way, last_line + 1, len(header.fields) if header else 0)
    if header is None:
        return None
    if line := _lone_return(text, way):
        return Misfit(way, line, len(header.fields), is_mixed=True)
    return Fit(way, tuple(header.fields), num_rows, tuple(broken))


def _lone_return(text: str, way: Way) -> int | None:
    """Return a line that ends with a lone carriage return where not all records do: it may be part of a text."""
    if not re.search(r"\r(?!\n)", text) or "\n" not in text:
        return None
    lines = list(io.StringIO(text, newline=""))
    inside = {line for record in records(text, way) for line in range(record.first_line, record.last_line)}
    outside = [(number, line) for number, line in enumerate(lines, 1) if number not in inside]
    lone = [number for number, line in outside if line.endswith("\r")]
    return lone[0] if lone and any(line.endswith("\n") for _, line in outside) else None
