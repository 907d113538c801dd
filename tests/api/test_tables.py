"""Tables in memory are read by the reader of files as they were."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import datasets
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from bench.api.tables import dataset_named
from bench.errors import DataError, UnknownName, UsageError
from bench.experiment.spec import WorkloadSpec
from bench.workload.data.labels import class_of
from bench.workload.data.source import source_of

if TYPE_CHECKING:
    from collections.abc import Sequence

TEXTS = ["word1", 'a "quoted", text\nof two lines', " ", "=1+1"]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_CACHE_DIR", str(tmp_path / "cache"))


def read(name: str, text: str = "body", label: str = "queue") -> tuple[Sequence[object], Sequence[object]]:
    train, _ = source_of(WorkloadSpec(dataset=name, text_column=text, label_column=label)).read()
    return list(train.texts), list(train.labels)


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (["a", None, "b", " a "], ["a", None, "b", "a"]),
        ([0, 1, 2, 1], ["0", "1", "2", "1"]),
        ([True, False, True, False], ["True", "False", "True", "False"]),
        ([0.0, np.nan, 1.0, 0.0], ["0", None, "1", "0"]),
        (pd.array([1, pd.NA, 2, 1], dtype="Int64"), ["1", None, "2", "1"]),
        (pd.Categorical(["x", "y", None, "x"], categories=["y", "x", "z"]), ["x", "y", None, "x"]),
    ],
)
def test_a_frame_keeps_its_texts_and_classes(labels: Any, classes: list[str | None]) -> None:
    frame = pd.DataFrame(
        {"id": range(4), "body": TEXTS, "queue": labels, "odd": [{}, 1, "x", None]}, index=[5, 5, 1, 0]
    )
    texts, found = read(dataset_named(frame, "body", "queue"))
    assert texts == TEXTS
    assert [class_of(label) for label in found] == classes


def test_equal_frames_are_one_data_set_and_others_are_not() -> None:
    frame = pd.DataFrame({"body": TEXTS, "queue": list("abab")})
    name = dataset_named(frame, "body", "queue")
    assert dataset_named(frame.assign(more=1), "body", "queue") == name
    assert dataset_named(frame[::-1], "body", "queue") != name
    assert [file.name for file in Path(name).iterdir()] == ["train.parquet"]


def test_a_data_set_of_datasets_keeps_the_names_of_its_classes_and_the_order_of_its_rows() -> None:
    features = datasets.Features(
        {
            "body": datasets.Value("string"),
            "queue": datasets.ClassLabel(names=["no", "yes"]),
            "n": datasets.Value("int8"),
        }
    )
    whole = datasets.Dataset.from_dict({"body": TEXTS, "queue": [0, 1, -1, None], "n": [1, 2, 3, 4]}, features=features)
    assert read(dataset_named(whole, "body", "queue")) == (TEXTS, ["no", "yes", None, None])
    assert read(dataset_named(whole.select([1, 0]), "body", "queue")) == (TEXTS[1::-1], ["yes", "no"])


def test_splits_stay_apart_and_arrow_tables_are_tables() -> None:
    train, test = (pa.table({"body": TEXTS[:2], "queue": ["a", "b"]}), pd.DataFrame({"body": ["x"], "queue": ["b"]}))
    name = dataset_named({"train": train, "test": test}, "body", "queue")
    first, second = source_of(WorkloadSpec(dataset=name, text_column="body", label_column="queue")).read()
    assert (list(first.texts), list(first.labels)) == (TEXTS[:2], ["a", "b"])
    assert second is not None
    assert list(second.texts) == ["x"]


def test_a_name_is_a_name() -> None:
    assert dataset_named(Path("a") / "b.csv", None, None) == "a/b.csv"
    assert dataset_named("rotten-tomatoes", None, None) == "rotten-tomatoes"


def test_what_is_no_table_is_refused_in_one_line() -> None:
    with pytest.raises(UsageError, match="the list is no table: give a preset, a file"):
        dataset_named([("text", 1)], None, None)
    frame = pd.DataFrame({"body": TEXTS, "queue": [1, "a", 2, "b"]})
    with pytest.raises(DataError, match=r"the DataFrame cannot be written as a table: .*one type"):
        dataset_named(frame, "body", "queue")
    with pytest.raises(UnknownName, match=r"column of the DataFrame 'bodi'. Did you mean body"):
        dataset_named(frame, "bodi", "queue")
    doubled = pd.DataFrame([["x", "y", "a"]], columns=["body", "body", "queue"])
    with pytest.raises(DataError, match="several columns body"):
        dataset_named(doubled, "body", "queue")
