"""Intervals of macro F1 and balanced accuracy, held against the jackknife and against chance."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from bench.analysis.by_class import balanced_accuracy, confusion_matrix, macro_f1
from bench.analysis.scores import difference, interval, of_majority

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from bench.experiment.spec import QualityName
    from bench.records.evaluation import Evaluation
    from bench.records.record import RunRecord

SCORES = {"macro_f1": macro_f1, "balanced_accuracy": balanced_accuracy}
METRICS: tuple[QualityName, ...] = ("macro_f1", "balanced_accuracy")
NAMES = ("a", "b", "c")


@pytest.fixture(scope="session")
def evaluation(
    make_record: Callable[..., RunRecord], evaluated: Callable[..., RunRecord]
) -> Callable[[Sequence[int] | NDArray[np.int64], Sequence[int] | NDArray[np.int64]], Evaluation]:
    record = make_record()

    def make(labels: Sequence[int] | NDArray[np.int64], predictions: Sequence[int] | NDArray[np.int64]) -> Evaluation:
        measured = evaluated(record, NAMES, labels, predictions).measured
        assert measured is not None
        return measured.evaluation

    return make


def draw(rng: np.random.Generator, num_rows: int, right: float = 0.75) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    labels = rng.choice(3, num_rows, p=(0.7, 0.2, 0.1))
    return labels, np.where(rng.random(num_rows) < right, labels, rng.integers(0, 3, num_rows))


@pytest.mark.parametrize("metric", METRICS)
def test_an_interval_is_that_of_the_jackknife(metric: QualityName, evaluation: Callable[..., Evaluation]) -> None:
    labels, ours = draw(np.random.default_rng(0), 300)
    theirs = np.where(np.random.default_rng(1).random(300) < 0.5, ours, draw(np.random.default_rng(2), 300)[1])
    one, two = (
        [confusion_matrix(*np.delete((labels, each), row, axis=1), 3) for row in range(300)] for each in (ours, theirs)
    )
    score = SCORES[metric]
    left_out = np.array([score(a) - score(b) for a, b in zip(one, two, strict=True)])
    error = math.sqrt(299 / 300 * np.square(left_out - left_out.mean()).sum())
    found = difference({0: evaluation(labels, ours)}, {0: evaluation(labels, theirs)}, metric)
    assert found is not None
    assert found.evidence is not None
    assert found.evidence.standard_error == pytest.approx(error, rel=0.02)
    assert found.estimate == pytest.approx(
        score(confusion_matrix(labels, ours, 3)) - score(confusion_matrix(labels, theirs, 3))
    )
    assert found.this_run_only
    own = interval([evaluation(labels, ours)], metric)
    alone = np.array([score(each) for each in one])
    assert own is not None
    assert own.evidence is not None
    assert own.evidence.standard_error == pytest.approx(
        math.sqrt(299 / 300 * np.square(alone - alone.mean()).sum()), rel=0.02
    )


@pytest.mark.parametrize("metric", METRICS)
def test_no_difference_is_seldom_found_where_there_is_none(
    metric: QualityName, evaluation: Callable[..., Evaluation]
) -> None:
    rng, found = np.random.default_rng(0), 0
    for _ in range(400):
        labels = rng.choice(3, 120, p=(0.7, 0.2, 0.1))
        both = np.where(rng.random(120) < 0.75, labels, rng.integers(0, 3, 120))
        arms = [np.where(rng.random(120) < 0.6, both, draw_again(rng, labels)) for _ in range(2)]
        told = difference(*({0: evaluation(labels, arm)} for arm in arms), metric)
        assert told is not None
        assert told.evidence is not None
        found += told.evidence.p_value <= 0.05
        assert (told.side(0) != 0) == (told.evidence.p_value < 0.05)
    assert found <= 33  # 20 expected; more than 33 by chance once in 500 such tests


def draw_again(rng: np.random.Generator, labels: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.where(rng.random(len(labels)) < 0.75, labels, rng.integers(0, 3, len(labels)))


@pytest.mark.parametrize("metric", METRICS)
def test_strategies_that_agree_on_every_row_may_differ_on_the_next(
    metric: QualityName, evaluation: Callable[..., Evaluation]
) -> None:
    same = evaluation([0] * 8 + [1] * 2, [0] * 8 + [1] * 2)
    found = difference({0: same}, {0: same}, metric)
    assert found is not None
    assert found.evidence is not None
    assert found.estimate == 0
    assert found.evidence.standard_error == pytest.approx(math.sqrt((1 / 8 + 1 / 2) / 10) / 2)
    seeds = difference({0: same, 1: same}, {0: same, 1: same}, metric)
    assert seeds is not None
    assert seeds.bounds is not None
    assert seeds.bounds[0] < 0 < seeds.bounds[1]
    assert seeds.method == "paired t over 2 seeds"


def test_runs_without_a_common_seed_have_no_difference(evaluation: Callable[..., Evaluation]) -> None:
    one = evaluation([0, 1], [0, 1])
    assert difference({0: one}, {1: one}, "accuracy") is None


def test_seeds_share_their_rows(evaluation: Callable[..., Evaluation]) -> None:
    labels, taken = draw(np.random.default_rng(0), 200)
    one = evaluation(labels, taken)
    alone, thrice = interval([one], "macro_f1"), interval([one] * 3, "macro_f1")
    assert alone == thrice
    accuracy = interval([one] * 3, "accuracy")
    assert accuracy is not None
    assert accuracy.method.startswith("Wilson")


def test_what_was_not_recorded_has_no_bounds(evaluation: Callable[..., Evaluation]) -> None:
    known = evaluation([0, 0, 1, 1], [0, 0, 1, 0])
    old = known.model_copy(update={"classes": None, "labels": None, "predictions": None, "balanced_accuracy": None})
    found = difference({0: old}, {0: known}, "macro_f1")
    assert found is not None
    assert (found.estimate, found.bounds, found.evidence) == (0.0, None, None)
    assert difference({0: old}, {0: known}, "balanced_accuracy") is None
    assert difference({0: known}, {1: known}, "macro_f1") is None
    own = interval([old], "macro_f1")
    assert own is not None
    assert own.bounds is None
    assert interval([old], "balanced_accuracy") is None
    assert interval([], "macro_f1") is None
    assert of_majority(old, "macro_f1") is None
    assert of_majority(old, "accuracy") == 0.5


def test_what_always_answering_the_most_frequent_class_gets(evaluation: Callable[..., Evaluation]) -> None:
    one = evaluation([0] * 6 + [1] * 3 + [2], [0] * 10)
    assert of_majority(one, "accuracy") == 0.6
    assert of_majority(one, "balanced_accuracy") == pytest.approx(1 / 3) == one.balanced_accuracy
    assert of_majority(one, "macro_f1") == pytest.approx(0.25) == one.macro_f1
