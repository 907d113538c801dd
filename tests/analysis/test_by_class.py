from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from sklearn.metrics import balanced_accuracy_score, f1_score, precision_recall_fscore_support
from sklearn.metrics import confusion_matrix as sklearn_matrix

from bench.analysis.by_class import balanced_accuracy, by_class, confusion_matrix, macro_f1
from bench.records.evaluation import Evaluation
from bench.records.row_classes import encode

if TYPE_CHECKING:
    from collections.abc import Sequence

NAMES = ("a", "b", "c", "d")


def evaluation(labels: Sequence[int], predictions: Sequence[int], names: tuple[str, ...] = NAMES) -> Evaluation:
    return Evaluation(
        accuracy=0.5,
        macro_f1=0.5,
        loss=1.0,
        num_samples=len(labels),
        majority_accuracy=0.5,
        correct="".join("01"[one == other] for one, other in zip(labels, predictions, strict=True)),
        seconds=1.0,
        classes=names,
        labels=encode(labels, len(names)),
        predictions=encode(predictions, len(names)),
    )


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1))
@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")
@pytest.mark.filterwarnings("ignore:A single label was found")
def test_scores_are_those_of_scikit_learn(rows: list[tuple[int, int]]) -> None:
    labels, predictions = (np.array(each) for each in zip(*rows, strict=True))
    matrix = confusion_matrix(labels, predictions, 4)
    assert matrix.tolist() == sklearn_matrix(labels, predictions, labels=range(4)).tolist()
    assert macro_f1(matrix) == pytest.approx(f1_score(labels, predictions, average="macro", zero_division=0.0))
    assert balanced_accuracy(matrix) == pytest.approx(balanced_accuracy_score(labels, predictions))
    found = by_class([evaluation(labels.tolist(), predictions.tolist())])
    assert found is not None
    wanted = precision_recall_fscore_support(labels, predictions, labels=range(4), zero_division=np.nan)
    for score, precision, recall, f1, support in zip(found.scores, *wanted, strict=True):
        assert (score.precision is None) == np.isnan(precision)
        assert score.precision is None or score.precision == pytest.approx(precision)
        assert score.recall is None or score.recall == pytest.approx(recall)
        assert score.f1 is None or score.f1 == pytest.approx(f1)
        assert score.num_rows == support


def test_seeds_are_added_up() -> None:
    found = by_class([evaluation([0, 1, 1], [0, 1, 0]), evaluation([0, 1, 1], [1, 1, 1])])
    assert found is not None
    assert found.num_seeds == 2
    assert found.matrix[:2, :2].tolist() == [[1, 1], [1, 3]]
    assert [score.num_rows for score in found.scores] == [1, 2, 0, 0]
    assert found.scores[1].recall == 0.75
    assert (found.scores[2].precision, found.scores[2].recall, found.scores[2].f1) == (None, None, None)


def test_what_was_not_recorded_is_not_made_up() -> None:
    known = evaluation([0, 1], [0, 1])
    old = known.model_copy(update={"labels": None, "predictions": None, "classes": None})
    assert by_class([known, old]) is None
    assert by_class([known, evaluation([0, 1], [0, 1], ("x", "y"))]) is None
    assert by_class([]) is None


@pytest.mark.parametrize("broken", [{"labels": "0"}, {"predictions": "0x"}, {"labels": "09"}, {"classes": None}])
def test_a_record_whose_rows_have_no_such_class_is_refused(broken: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="classes of 2 rows"):
        Evaluation.model_validate(evaluation([0, 1], [0, 1]).model_dump() | broken)
