from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score

from bench.errors import Diverged
from bench.testing import tiny_llama, toy_split
from bench.training.evaluation import answer, score

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.training.prepared import Prepared

SPLIT = toy_split(21, num_labels=3)


def test_answers_equal_the_model_s_own_row_by_row(prepared: Callable[..., Prepared]) -> None:
    ready = prepared("full", tiny_llama(num_labels=3))
    answers = answer(ready, SPLIT)
    plain = tiny_llama(num_labels=3).eval()
    for row in range(len(SPLIT)):
        ids, label = torch.from_numpy(SPLIT.row(row).astype(np.int64))[None], torch.tensor([SPLIT.labels[row]])
        with torch.no_grad():
            output = plain(input_ids=ids, labels=label)
        assert answers.predictions[row] == int(output.logits.argmax())
        assert answers.losses[row] == pytest.approx(float(output.loss), rel=1e-4)


def test_scores_are_those_of_the_answers(prepared: Callable[..., Prepared]) -> None:
    ready = prepared("full", tiny_llama(num_labels=3))
    answers = answer(ready, SPLIT)
    evaluation, predictions = score(answers, SPLIT, ("a", "b", "c")), answers.predictions
    assert evaluation.accuracy == pytest.approx(accuracy_score(SPLIT.labels, predictions))
    assert evaluation.macro_f1 == pytest.approx(f1_score(SPLIT.labels, predictions, average="macro", zero_division=0.0))
    assert evaluation.balanced_accuracy == pytest.approx(balanced_accuracy_score(SPLIT.labels, predictions))
    assert evaluation.classes == ("a", "b", "c")
    assert evaluation.labels == "".join(map(str, SPLIT.labels))
    assert evaluation.predictions == "".join(map(str, predictions))
    assert evaluation.correct == "".join("01"[int(right)] for right in predictions == SPLIT.labels)
    assert evaluation.majority_accuracy == pytest.approx(7 / 21)
    assert evaluation.num_samples == 21


def test_answers_that_are_no_numbers_are_no_answers(prepared: Callable[..., Prepared]) -> None:
    ready = prepared("full", tiny_llama(num_labels=3))
    with torch.no_grad():
        ready.model.get_parameter("score.weight").fill_(torch.nan)
    with pytest.raises(Diverged, match="not finite"):
        answer(ready, SPLIT)


def test_how_many_rows_go_at_once_does_not_matter(
    prepared: Callable[..., Prepared], monkeypatch: pytest.MonkeyPatch
) -> None:
    ready = prepared("full", tiny_llama(num_labels=3))
    wanted = answer(ready, SPLIT)
    monkeypatch.setattr("bench.training.evaluation.TOKENS_AT_ONCE", 13)
    found = answer(ready, SPLIT)
    assert (found.predictions == wanted.predictions).all()
    np.testing.assert_allclose(found.losses, wanted.losses, rtol=1e-5)
    assert found.first(5).losses.tolist() == found.losses[:5].tolist()
