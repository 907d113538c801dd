"""Reads JSON: objects one per line, one after another, or in a list; columns are the union of their keys."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from bench.errors import DataError, first_line
from bench.workload.data.files.decode import decode
from bench.workload.data.files.table import Columns, Table, refusal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from bench.workload.data.files.table import Options

__all__ = ["open_json"]

_SPACE = re.compile(r"\s*")
_HALF = re.compile("[\ud800-\udfff]")
"""A lone surrogate, as is left of an emoji that was cut in two."""


class _Repeating(dict[str, object]):
    """An object with a duplicate key."""

    key = ""


def open_json(data: bytes, file: Path, options: Options) -> Table:
    """Read the objects of a JSON file, however they are arranged.

    Raises:
        DataError: it contains something else than objects of one row each.

    """
    text, encoding = decode(data, options.encoding, file)
    rows = list(_rows(text, file))
    if not rows:
        raise DataError(f"{file} is empty")
    columns = tuple(dict.fromkeys(key for row in rows for key in row))

    def read(texts: Sequence[str], label: str) -> Columns:
        names = (*texts, label)
        facts = Counter({f"read as {encoding}": 0} if encoding else {})
        for name in dict.fromkeys(names):
            if num_lacking := sum(name not in row for row in rows):
                facts[f"rows without the key {name}"] = num_lacking
        *read_texts, labels = ([row.get(name) for row in rows] for name in names)
        if "\\u" in text:
            _check_characters(file, [*read_texts, labels])
        return Columns(read_texts, labels, facts)

    return Table(file, columns, read, is_open=True)


def _rows(text: str, file: Path) -> Iterator[dict[str, object]]:
    values = list(_values(text, file))
    is_list = len(values) == 1 and isinstance(values[0][1], list)
    found = [(None, value) for value in values[0][1]] if is_list else values
    for number, (line, value) in enumerate(found, 1):
        where = f"{file}, row {number}" if line is None else file
        if not isinstance(value, dict):
            shown = json.dumps(value)[:40]
            raise refusal(where, line, f'{shown} is no object such as {{"text": "...", "label": "..."}}')
        if isinstance(value, _Repeating):
            raise refusal(where, line, f"the key {value.key} stands twice in one object; keep one of them")
        yield value
    if len(values) == 1 and not is_list and (key := _inner(values[0][1])) is not None:
        why = f"it is one object, whose rows or columns stand under {key}; write a list of rows, or one row per line"
        raise refusal(file, None, f"{why} (pandas: to_json(orient='records'))")


def _values(text: str, file: Path) -> Iterator[tuple[int, Any]]:
    """Read one value after another, each with the line on which it begins."""
    decoder = json.JSONDecoder(object_pairs_hook=_object)
    place, line, counted = _SPACE.match(text).end(), 1, 0  # type: ignore[union-attr]
    while place < len(text):
        line, counted = line + text.count("\n", counted, place), place
        try:
            value, end = decoder.raw_decode(text, place)
        except json.JSONDecodeError as error:
            raise refusal(
                file, error.lineno, f"{error.msg}; each line must be one object, or the file a list"
            ) from error
        except (ValueError, RecursionError) as error:
            raise refusal(file, line, first_line(error)) from error
        yield line, value
        place = _SPACE.match(text, end).end()  # type: ignore[union-attr]


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    made = dict(pairs)
    if len(made) == len(pairs):
        return made
    repeating = _Repeating(made)
    repeating.key = next(key for key, num in Counter(key for key, _ in pairs).items() if num > 1)
    return repeating


def _inner(row: dict[str, object]) -> str | None:
    """Return the key under which an object contains rows or columns; None where the object is itself a row."""
    if all(isinstance(value, list | dict) for value in row.values()):
        return next(iter(row), "nothing")
    lists = (key for key, value in row.items() if isinstance(value, list) and value and isinstance(value[0], dict))
    return next(lists, None)


def _check_characters(file: Path, columns: Sequence[Sequence[object]]) -> None:
    for number, values in enumerate(zip(*columns, strict=True), 1):
        if any(isinstance(value, str) and _HALF.search(value) for value in values):
            raise refusal(
                f"{file}, row {number}", None, "it holds half a character (a lone surrogate, \\ud800 to \\udfff)"
            )
