from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score

from bench.tasks.classification import Predictions, curve_point, evaluation_of, loss_of, predicted, targets_of
from bench.workload.toy import toy_split

SPLIT = toy_split(21, num_labels=3)
LOGITS = torch.randn(21, 3, generator=torch.Generator().manual_seed(0))


def predictions() -> Predictions:
    losses = loss_of(LOGITS, targets_of(SPLIT, np.arange(21)), "none")
    return Predictions(predicted(LOGITS), losses.numpy(), seconds=1.5)


def test_targets_are_the_classes_of_the_rows_in_their_order() -> None:
    targets = targets_of(SPLIT, [4, 0, 2])
    assert (targets.dtype, targets.tolist()) == (torch.int64, [1, 0, 2])


def test_the_loss_is_minus_the_log_of_the_share_of_the_target() -> None:
    targets = targets_of(SPLIT, np.arange(21))
    wanted = -LOGITS.softmax(dim=-1)[torch.arange(21), targets].log()
    torch.testing.assert_close(loss_of(LOGITS, targets, "none"), wanted)
    torch.testing.assert_close(loss_of(LOGITS, targets, "sum"), wanted.sum())
    torch.testing.assert_close(loss_of(LOGITS, targets), wanted.mean())


def test_the_loss_of_half_precision_is_computed_in_fp32() -> None:
    targets, halves = targets_of(SPLIT, np.arange(21)), LOGITS.bfloat16()
    assert loss_of(halves, targets).dtype == torch.float32
    assert torch.equal(loss_of(halves, targets), loss_of(halves.float(), targets))


def test_an_evaluation_is_that_of_scikit_learn() -> None:
    evaluation, classes = evaluation_of(predictions(), SPLIT, ("a", "b", "c")), predicted(LOGITS)
    assert evaluation.accuracy == pytest.approx(accuracy_score(SPLIT.labels, classes))
    assert evaluation.macro_f1 == pytest.approx(f1_score(SPLIT.labels, classes, average="macro", zero_division=0.0))
    assert evaluation.balanced_accuracy == pytest.approx(balanced_accuracy_score(SPLIT.labels, classes))
    assert evaluation.loss == pytest.approx(float(predictions().losses.mean()))
    assert evaluation.classes == ("a", "b", "c")
    assert evaluation.labels == "".join(map(str, SPLIT.labels))
    assert evaluation.predictions == "".join(map(str, classes))
    assert evaluation.correct == "".join("01"[int(right)] for right in classes == SPLIT.labels)
    assert evaluation.majority_accuracy == pytest.approx(7 / 21)
    assert (evaluation.num_samples, evaluation.seconds) == (21, 1.5)


def test_a_point_of_the_curve_is_of_the_first_rows() -> None:
    first = predictions().first(5)
    point = curve_point(first, SPLIT, step=3, seconds=2.0)
    assert (point.step, point.seconds, point.num_samples) == (3, 2.0, 5)
    assert point.accuracy == pytest.approx(accuracy_score(SPLIT.labels[:5], predicted(LOGITS[:5])))
    assert point.loss == pytest.approx(float(predictions().losses[:5].mean()))
