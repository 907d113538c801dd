"""The loss before training is that of the plain model, and asking for it leaves no trace."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from bench.training.forward import initial_loss as module
from bench.training.forward.initial_loss import initial_loss
from bench.workload.toy import toy_split

if TYPE_CHECKING:
    from collections.abc import Callable

    from transformers import PreTrainedModel

SPLIT = toy_split(24, longest=20)
ROWS = np.array([3, 1, 20, 7, 8, 9])


def row_by_row(model: PreTrainedModel, rows: np.ndarray) -> float:
    losses = []
    for row in rows:
        ids = torch.from_numpy(SPLIT.row(row).astype(np.int64))[None]
        with torch.no_grad():
            logits = model.eval()(input_ids=ids, attention_mask=torch.ones_like(ids)).logits
        losses.append(float(cross_entropy(logits, torch.tensor([SPLIT.labels[row]]))))
    return float(np.mean(losses))


@pytest.mark.parametrize("name", ["Llama", "Bert", "GPT2"])
def test_it_is_the_mean_over_the_rows_of_the_first_batch(classifier: Callable[..., PreTrainedModel], name: str) -> None:
    model = classifier(name).train()
    before = torch.get_rng_state()
    found = initial_loss(model, SPLIT, ROWS, 0)
    assert model.training
    assert torch.equal(torch.get_rng_state(), before)
    assert all(param.grad is None for param in model.parameters())
    assert found == pytest.approx(row_by_row(model, ROWS), rel=1e-6)
    assert initial_loss(model, SPLIT, ROWS[:2], 0) == pytest.approx(row_by_row(model, ROWS[:2]), rel=1e-6)


def test_of_much_work_the_first_rows_are_asked_for(
    classifier: Callable[..., PreTrainedModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = classifier("Llama")
    num_params = sum(param.numel() for param in model.parameters())
    monkeypatch.setattr(module, "MOST_FLOPS", 2 * num_params * int(SPLIT.lengths[ROWS[:3]].sum()))
    assert initial_loss(model, SPLIT, ROWS, 0) == pytest.approx(row_by_row(model, ROWS[:3]), rel=1e-6)
    monkeypatch.setattr(module, "MOST_FLOPS", 1)
    assert initial_loss(model, SPLIT, ROWS, 0) == pytest.approx(row_by_row(model, ROWS[:1]), rel=1e-6)


def test_a_model_that_does_not_run_or_answers_no_number_has_none(classifier: Callable[..., PreTrainedModel]) -> None:
    assert initial_loss(classifier("Llama", vocab_size=8), SPLIT, ROWS, 0) is None
    model = classifier("Llama")
    torch.nn.init.constant_(model.score.weight, float("nan"))
    assert initial_loss(model, SPLIT, ROWS, 0) is None
