from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import datasets  # type: ignore[import-untyped]
import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped]
import pytest
from pyarrow import parquet

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bench.workload.rows import Rows

    Read = Callable[..., tuple[Rows, Rows | None]]
    Refused = Callable[..., str]


def test_names_of_classes_stand_in_the_schema(tmp_path: Path, read: Read, refused: Refused) -> None:
    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["good", "bad"])}
    )
    rows = datasets.Dataset.from_dict({"text": list("abcd"), "label": [1, 0, -1, None]}, features=features)
    rows.to_parquet(tmp_path / "data.parquet")
    assert read(tmp_path / "data.parquet")[0].labels == ["bad", "good", None, None]
    schema = parquet.read_schema(tmp_path / "data.parquet")
    wrong = pa.table({"text": ["a"], "label": pa.array([2], pa.int64())}, schema=schema)
    parquet.write_table(wrong, tmp_path / "wrong.parquet")
    assert "the class 2, of 2 that its schema names" in refused(tmp_path / "wrong.parquet")


def test_what_pandas_writes(tmp_path: Path, read: Read) -> None:
    frame = pd.DataFrame(
        {"text": ["NA", None, "2024-01-02"], "label": pd.Categorical(["x", None, "y"])}, index=[5, 3, 9]
    )
    frame["a.b"] = [dt.date(2024, 1, 2)] * 3
    frame["nested"] = [{"a": 1}] * 3
    frame.to_parquet(tmp_path / "data.parquet")
    found, _ = read(tmp_path / "data.parquet")
    assert found.texts == ["NA", None, "2024-01-02"]
    assert found.labels == ["x", None, "y"]
    assert read(tmp_path / "data.parquet", label_column="a.b")[0].labels == [dt.date(2024, 1, 2)] * 3


@pytest.mark.parametrize("is_stream", [True, False])
def test_an_arrow_file_that_was_cut_off_is_refused(
    is_stream: bool, tmp_path: Path, read: Read, refused: Refused
) -> None:
    table = pa.table({"text": [str(number) for number in range(40)], "label": [number % 2 for number in range(40)]})
    file = tmp_path / "data.arrow"
    make: Any = pa.ipc.new_stream if is_stream else pa.ipc.new_file
    with make(file, table.schema) as writer:
        writer.write_table(table, max_chunksize=10)
    assert read(file)[0].texts == table["text"].to_pylist()
    data = file.read_bytes()
    for length in (*range(8, len(data) - 1, 97), len(data) - 8, len(data) - 1):
        file.write_bytes(data[:length])
        assert "cannot read" in refused(file)


def test_a_parquet_file_that_was_cut_off_or_is_none_is_refused(tmp_path: Path, refused: Refused) -> None:
    file = tmp_path / "data.parquet"
    parquet.write_table(pa.table({"text": ["a"] * 99, "label": [1] * 99}), file)
    data = file.read_bytes()
    for broken in (data[:-1], data[: len(data) // 2], b"text,label\na,1\n", b"", data[:20] + b"\xff" * 60 + data[80:]):
        file.write_bytes(broken)
        assert "data.parquet" in refused(file)


def test_two_columns_of_one_name_are_refused(tmp_path: Path, refused: Refused) -> None:
    columns = [pa.array(["a"]), pa.array(["b"]), pa.array([1])]
    parquet.write_table(pa.Table.from_arrays(columns, names=["text", "text", "label"]), tmp_path / "data.parquet")
    assert "two columns are called text" in refused(tmp_path / "data.parquet")
