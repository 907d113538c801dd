from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pandas as pd
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bench.workload.rows import Rows

    Read = Callable[..., tuple[Rows, Rows | None]]
    Write = Callable[..., Path]
    Refused = Callable[..., str]

ROWS = [
    {"text": "2024-01-02", "label": 1, "meta": {"a": [1, {"b": None}]}},
    {"text": "NA", "label": 0, "meta": {"a": "x", "c": 2}},
    {"text": "a\n\u2028b", "label": 0, "meta": []},
]


@pytest.mark.parametrize("name", ["data.json", "data.jsonl", "data.ndjson"])
@pytest.mark.parametrize(
    "content",
    [
        json.dumps(ROWS),
        json.dumps(ROWS, indent=2),
        "\n".join(map(json.dumps, ROWS)),
        "\r\n\r\n".join(json.dumps(row, ensure_ascii=False) for row in ROWS) + "\n\n",
        "".join(json.dumps(row, indent=1) for row in ROWS),
    ],
)
def test_objects_in_a_list_on_lines_or_one_after_another(name: str, content: str, write: Write, read: Read) -> None:
    found, _ = read(write(name, content))
    assert found.texts == ["2024-01-02", "NA", "a\n\u2028b"]
    assert found.labels == [1, 0, 0]
    assert found.notes == ()


def test_columns_are_the_union_of_keys(write: Write, read: Read) -> None:
    lines = [{"id": 1}, {"text": "a", "label": "x"}, {"label": "y", "text": "b", "late": 1}, {"text": "c"}]
    found, _ = read(write("data.jsonl", "\n".join(map(json.dumps, lines))))
    assert found.texts == [None, "a", "b", "c"]
    assert found.labels == [None, "x", "y", None]
    assert found.notes == ("rows without the key text: 1", "rows without the key label: 2")
    assert read(write("data.jsonl", "\n".join(map(json.dumps, lines))), label_column="late")[0].labels == [
        None,
        None,
        1,
        None,
    ]


def test_what_pandas_writes_is_read_or_refused(tmp_path: Path, read: Read, refused: Refused) -> None:
    frame = pd.DataFrame({"text": ["a", "b", None], "label": [0.0, 1.0, None]})
    frame.to_json(tmp_path / "records.json", orient="records")
    assert read(tmp_path / "records.json")[0].texts == ["a", "b", None]
    for orient in ("columns", "index", "split", "table"):
        frame.to_json(tmp_path / f"{orient}.json", orient=orient)
        assert "write a list of rows, or one row per line" in refused(tmp_path / f"{orient}.json")
    frame.to_json(tmp_path / "values.json", orient="values")
    assert 'row 1: ["a", 0.0] is no object' in refused(tmp_path / "values.json")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("[1, 2]", "row 1: 1 is no object such as"),
        ('["a"]\n["b"]\n', 'line 1: ["a"] is no object'),
        ('{"text": "a", "label": 1}\n\n"b"\n', 'line 3: "b" is no object'),
        ('{"text": "a", "label": 1}\n{"text": "b", "label": \n', "line 3: Expecting value"),
        ('{"text": "a", "label": 1},\n{"text": "b", "label": 2}\n', "line 1: Expecting value; each line must be"),
        ('[{"text": "a", "label": 1},\n{"text": "b" "label": 2}]\n', "line 2: Expecting ',' delimiter"),
        ('{"text": "a", "label": 1}\n{"text": "b", "label": 1, "text": "c"}', "line 2: the key text stands twice"),
        ('[{"text": "a", "label": 1, "label": 2}]', "row 1: the key label stands twice"),
        ('{"text": "a\\ud83d", "label": 1}\n', "row 1: it holds half a character"),
        ("[" * 200_000, "recursion"),
        ('{"text": "a", "label": ' + "9" * 5000 + "}", "4300 digits"),
        ('{"version": 1, "data": [{"text": "a", "label": 1}]}', "whose rows or columns stand under data"),
        ('{"text": ["a", "b"], "label": [0, 1]}', "whose rows or columns stand under text"),
        ("[]", "is empty"),
        (" \n", "is empty"),
        ("nul", "line 1: Expecting value"),
    ],
)
def test_what_is_no_list_of_rows_is_refused(content: str, told: str, write: Write, refused: Refused) -> None:
    found = refused(write("data.json", content))
    assert told in found
    assert "data.json" in found
    assert len(found) < 400


def test_a_whole_character_of_two_escapes_is_one(write: Write, read: Read) -> None:
    assert read(write("data.json", '[{"text": "\\ud83d\\ude00", "label": 1}]'))[0].texts == ["\U0001f600"]
