from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa  # type: ignore[import-untyped]
import pytest
from pyarrow import parquet

from bench.errors import DataError, UnknownName
from bench.experiment.spec import WorkloadSpec
from bench.workload.data.check import check_dataset
from bench.workload.presets import DATASETS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    WriteCsv = Callable[..., Path]


def test_a_data_set_that_can_exist_passes(write_csv: WriteCsv) -> None:
    for name in (*DATASETS, "owner/name", str(write_csv([("a", 1)]))):
        check_dataset(WorkloadSpec(dataset=name))
    check_dataset(WorkloadSpec(dataset="drug-reviews", label_column="condition", eval_split="test"))


@pytest.mark.parametrize("name", ["rotten-tomatos", "folder/data.csv", "/nowhere"])
def test_a_data_set_that_cannot_exist_is_refused(name: str) -> None:
    with pytest.raises(UnknownName, match=r"unknown data set .*Known: bbc-news, .*a directory of splits"):
        check_dataset(WorkloadSpec(dataset=name))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"text_column": "reviews"}, r"unknown column of drug-reviews 'reviews'. Did you mean review\?"),
        ({"label_column": "ratings"}, r"unknown column of drug-reviews 'ratings'. Did you mean rating\?"),
        ({"train_split": "trian"}, r"unknown split of drug-reviews 'trian'. Did you mean train\?"),
        ({"eval_split": "tests"}, r"unknown split of drug-reviews 'tests'. Did you mean test\?"),
    ],
)
def test_an_unknown_column_or_split_of_a_preset_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UnknownName, match=message):
        check_dataset(WorkloadSpec(dataset="drug-reviews", **options))


def columns_in_every_kind_of_file(folder: Path, write_csv: WriteCsv) -> list[Path]:
    jsonl, table = folder / "data.jsonl", folder / "data.parquet"
    jsonl.write_text("\n" + json.dumps({"Review": "fine", "stars": 1}))
    parquet.write_table(pa.table({"Review": ["fine"], "stars": [1]}), table)
    return [jsonl, table, *(write_csv([("fine", 1)], name, ("Review", "stars")) for name in ("data.csv", "data.tsv"))]


def test_columns_of_every_kind_of_file_are_checked(tmp_path: Path, write_csv: WriteCsv) -> None:
    for file in columns_in_every_kind_of_file(tmp_path, write_csv):
        check_dataset(WorkloadSpec(dataset=str(file), label_column="stars"))
        with pytest.raises(UnknownName, match=rf"unknown column of {file.name} 'star'. Did you mean stars\?"):
            check_dataset(WorkloadSpec(dataset=str(file), label_column="star"))
        with pytest.raises(
            DataError, match=r"has no label column by a usual name, only Review, stars; .*--label-column"
        ):
            check_dataset(WorkloadSpec(dataset=str(file)))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("data.csv", b"", "is empty"),
        ("data.jsonl", b"\n", "is empty"),
        ("data.jsonl", b"[1]\n", "is no object"),
        ("data.jsonl", b"{", "cannot read"),
        ("data.csv", b"\xff\xfe\n", "cannot read"),
        ("data.parquet", b"PAR1", "cannot read"),
        ("data.txt", b"", r"no data file that can be read; give one of .csv, .tsv, .json, .*\(packed: .gz, "),
        ("data.xlsx", b"", "no data file that can be read; save it as CSV"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        check_dataset(WorkloadSpec(dataset=str(tmp_path / name)))


def test_a_directory_holds_one_file_per_split(tmp_path: Path, write_csv: WriteCsv) -> None:
    write_csv([("a", 1)], "splits/train.csv")
    write_csv([("a", 1)], "splits/test.tsv")
    folder = str(tmp_path / "splits")
    check_dataset(WorkloadSpec(dataset=folder, eval_split="test"))
    with pytest.raises(UnknownName, match="Did you mean test"):
        check_dataset(WorkloadSpec(dataset=folder, eval_split="tes"))
    with pytest.raises(DataError, match="cannot be trained on and evaluated on"):
        check_dataset(WorkloadSpec(dataset=folder, eval_split="train"))
    write_csv([("a", 1)], "splits/test.csv")
    with pytest.raises(DataError, match=r"holds test.csv and test.tsv for one split"):
        check_dataset(WorkloadSpec(dataset=folder))


def test_a_directory_without_a_training_split_is_refused(tmp_path: Path, write_csv: WriteCsv) -> None:
    (tmp_path / "splits").mkdir()
    with pytest.raises(DataError, match="holds no split"):
        check_dataset(WorkloadSpec(dataset=str(tmp_path / "splits")))
    write_csv([("a", 1)], "splits/first.csv")
    check_dataset(WorkloadSpec(dataset=str(tmp_path / "splits")))
    write_csv([("a", 1)], "splits/second.csv")
    with pytest.raises(DataError, match="has no split called train, only first, second"):
        check_dataset(WorkloadSpec(dataset=str(tmp_path / "splits")))
