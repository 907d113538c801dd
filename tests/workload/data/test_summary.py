"""What is told of the data that a run trains and evaluates on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bench.experiment.spec import WorkloadSpec
from bench.records.data_summary import ClassCount, Lengths, SplitSummary
from bench.workload.data.dataset import load_data

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bench.records.data_summary import DataSummary


@pytest.fixture
def summarise(tiny_model: Path) -> Callable[..., DataSummary]:
    def summarise(dataset: Path, **options: Any) -> DataSummary:
        options = {"train_samples": None, "eval_samples": None} | options
        return load_data(WorkloadSpec(model=str(tiny_model), dataset=str(dataset), **options)).summary

    return summarise


def test_every_row_of_a_messy_file_is_accounted_for(
    summarise: Callable[..., DataSummary], write_csv: Callable[..., Path]
) -> None:
    rows = [(f"{number} film {number % 7}", "good" if number % 3 else "bad") for number in range(60)]
    messy = [("", "good"), ("  ", "bad"), ("a plot", ""), *rows[:5], (rows[0][0], "good"), *[("1 2 3", "Good ")] * 2]
    found = summarise(write_csv([*rows, *messy]))
    assert found.train == SplitSummary(
        num_rows=71, num_without_text=2, num_without_label=1, num_repeated=7, num_contradicting=1
    )
    assert found.evaluation is None
    left_out = 3 + found.num_dropped_duplicates
    assert found.num_train + found.num_eval + left_out == 71
    assert (found.num_available_train, found.num_available_eval) == (found.num_train, found.num_eval)
    assert [each.name for each in found.classes] == ["good", "bad", "Good"]
    assert sum(each.num_train for each in found.classes) == found.num_train
    assert sum(each.num_eval for each in found.classes) == found.num_eval
    assert found.majority_class == "good"
    assert found.majority_share == max(each.num_eval for each in found.classes) / found.num_eval
    assert found.remarks[0] == '"Good" (2 rows), "good" (44 rows) look alike, and are classes of their own'
    again = summarise(write_csv([*rows, *messy]))  # from the cache
    assert again == found


def test_lengths_are_those_before_texts_are_truncated(
    summarise: Callable[..., DataSummary], write_csv: Callable[..., Path]
) -> None:
    write_csv([("film " * number + str(number % 5), "ab"[number % 2]) for number in range(1, 11)], "set/train.csv")
    write_csv([("film " * number, "ab"[number % 2]) for number in range(3, 7)], "set/test.csv")
    found = summarise(write_csv([], "set/unused.txt").parent, max_length=6)
    assert found.lengths == Lengths(
        median=6, quantile_95=11, longest=11, limit=6, truncated_share=0.5, truncated_eval_share=0
    )
    assert found.evaluation is not None
    assert found.evaluation.num_rows == 4


def test_evaluation_rows_of_classes_that_training_lacks_are_counted(
    summarise: Callable[..., DataSummary], write_csv: Callable[..., Path]
) -> None:
    many = write_csv([(f"{a} {b} {a * 6 + b}", f"class {a}") for a in range(100) for b in range(6)])
    found = summarise(many, train_samples=50, eval_samples=100)
    assert found.num_classes == 100
    assert len(found.classes) == 10
    assert sum(each.num_train for each in found.classes) + found.num_other_train == 50
    assert sum(each.num_eval for each in found.classes) + found.num_other_eval == 100
    assert (found.num_unseen_classes, found.num_unseen_rows) == (50, 50)
    assert summarise(many).num_unseen_rows == 0


def test_an_evaluation_class_that_no_split_trains_on_is_counted(
    summarise: Callable[..., DataSummary], write_csv: Callable[..., Path]
) -> None:
    write_csv([(f"{number} film", "ab"[number % 2]) for number in range(20)], "set/train.csv")
    folder = write_csv([("0 plot", "a"), ("1 plot", "z"), ("2 plot", "z")], "set/test.csv").parent
    found = summarise(folder)
    assert (found.num_unseen_classes, found.num_unseen_rows) == (1, 2)
    assert ClassCount(name="z", num_train=0, num_eval=2) in found.classes
