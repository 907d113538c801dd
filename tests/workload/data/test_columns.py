from __future__ import annotations

from typing import Any

import pytest

from bench.errors import DataError, UnknownName, UsageError
from bench.experiment.spec import WorkloadSpec
from bench.workload.data.check import check_dataset
from bench.workload.data.columns import choose_columns, choose_splits
from bench.workload.data.source import source_of


def columns(known: list[str], **asked: Any) -> tuple[tuple[str, ...], str]:
    return choose_columns(WorkloadSpec(dataset="data", **asked), known, "data.csv")


@pytest.mark.parametrize(
    ("known", "asked", "chosen"),
    [
        (["id", "Text ", "LABEL"], {}, (("Text ",), "LABEL")),
        (["a", "b", "label"], {"text_column": "a"}, (("a",), "label")),
        (["a", "b", "label"], {"text_column": "b,a"}, (("b", "a"), "label")),
        (["a", "b", "label"], {"text_column": "b, a"}, (("b", "a"), "label")),
        (["a,b", "a", "b", "label"], {"text_column": "a,b"}, (("a,b",), "label")),
        (["a,b", "c", "label"], {"text_column": "a,b,c"}, (("a,b", "c"), "label")),
        (["a", "b, c", "label"], {"text_column": "a,b, c"}, (("a", "b, c"), "label")),
        (["a", "b", "x,y"], {"text_column": "a,b", "label_column": "x,y"}, (("a", "b"), "x,y")),
    ],
)
def test_columns_that_are_chosen(known: list[str], asked: dict[str, str], chosen: object) -> None:
    assert columns(known, **asked) == chosen


@pytest.mark.parametrize(
    ("known", "asked", "told"),
    [
        (
            ["id", "body", "queue"],
            {},
            "and no label column by a usual name, only id, body, queue; name them (--text-column, --label-column)",
        ),
        (
            ["id", "body", "label"],
            {},
            "data.csv has no text column by a usual name, only id, body, label; name it (--text-column)",
        ),
        (
            ["id", "body", "queue"],
            {"text_column": "bodi"},
            "has no column bodi, and no label column by a usual name, only id, body, queue; name it (--label-column)",
        ),
        (
            ["id", "body", "queue"],
            {"text_column": "bodi", "label_column": "queu"},
            "unknown column of data.csv 'bodi'. Did you mean body? Known: body, id, queue. Nor is there 'queu'.",
        ),
        (
            ["premise", "hypothesis", "label"],
            {"text_column": "premise,hypothesi"},
            "unknown column of data.csv 'hypothesi'. Did you mean hypothesis? Known: hypothesis, label, premise.",
        ),
        (["a", "b", "c", "label"], {"text_column": "a,b,c"}, "--text-column names 3 columns; give one, or two that"),
        (["a", "label"], {"text_column": "a,a"}, "--text-column names a twice; a pair is of two columns"),
        (["not at all a name of a column", "1"], {}, "put one with the names of columns above it"),
        (["good", "1.5"], {"text_column": "text"}, "its first row reads like data"),
    ],
)
def test_columns_that_are_not_there_are_named_in_one_message(
    known: list[str], asked: dict[str, str], told: str
) -> None:
    with pytest.raises(UsageError) as caught:
        columns(known, **asked)
    assert told in str(caught.value)
    assert ("reads like data" in str(caught.value)) == ("names of columns above" in told or "reads like" in told)


def test_a_row_that_is_no_header_is_shown_in_part() -> None:
    with pytest.raises(DataError) as caught:
        columns([f"a very long text with many words in it, number {number}, and so on" for number in range(500)])
    assert len(str(caught.value)) < 1500


@pytest.mark.parametrize(
    ("known", "asked", "chosen"),
    [
        (["train", "val"], {}, ("train", "val")),
        (["a"], {}, ("a", None)),
        (["train", "train_2"], {"train_split": "train"}, ("train", None)),
        (["train", "train_extra", "test"], {}, ("train", "test")),
    ],
)
def test_splits_that_are_chosen(known: list[str], asked: dict[str, str], chosen: object) -> None:
    assert choose_splits(WorkloadSpec(dataset="data", **asked), known) == chosen


def test_a_preset_and_the_hub_take_no_options_of_text() -> None:
    for name in ("owner/name", "rotten-tomatoes"):
        with pytest.raises(DataError, match="--encoding is for local files"):
            check_dataset(WorkloadSpec(dataset=name, encoding="latin-1"))
    with pytest.raises(DataError, match="--quoting is for local files"):
        source_of(WorkloadSpec(dataset="owner/name", quoting="none"))
    with pytest.raises(DataError, match="--subset is for folders and the Hub"):
        check_dataset(WorkloadSpec(dataset="rotten-tomatoes", subset="x"))


def test_a_pair_of_a_preset_is_of_its_columns() -> None:
    check_dataset(WorkloadSpec(dataset="drug-reviews", text_column="drugName,review"))
    with pytest.raises(UnknownName, match=r"unknown column of drug-reviews 'reviews'\. Did you mean review"):
        check_dataset(WorkloadSpec(dataset="drug-reviews", text_column="drugName,reviews"))
