from __future__ import annotations

import pytest
import torch
from bench.beside.strategies.label_smoothing import LabelSmoothing
from torch.nn.functional import cross_entropy, log_softmax

from bench.errors import UsageError
from bench.training.evaluation import predict
from tests.strategies.by_hand import BATCHES, SPLIT, batch_of, llama, prepared_for, train_by_bench


def test_the_loss_is_that_of_targets_which_are_spread_and_torchs() -> None:
    torch.manual_seed(0)
    logits, targets = torch.randn(5, 3), torch.tensor([0, 2, 1, 1, 0])
    spread = torch.full((5, 3), 0.2 / 3)
    spread[range(5), targets] += 0.8
    by_hand = -(spread * log_softmax(logits, -1)).sum(-1).mean()
    found = LabelSmoothing(epsilon=0.2)(logits, targets, torch.nn.Identity())
    assert float(found) == pytest.approx(float(by_hand), rel=1e-6)
    assert float(found) == float(cross_entropy(logits, targets, label_smoothing=0.2))


def test_it_trains_by_the_smoothed_loss_and_is_evaluated_with_the_plain_one() -> None:
    model = llama()
    labels = torch.from_numpy(SPLIT.labels[BATCHES[0]])
    with torch.no_grad():
        logits = model.eval()(**batch_of(BATCHES[0].tolist())).logits
    ready = prepared_for((LabelSmoothing(epsilon=0.5),), model)
    plain = predict(ready, SPLIT.first(8)).losses
    assert plain == pytest.approx(cross_entropy(logits, labels, reduction="none").numpy(), rel=1e-5)
    ready.training_mode()
    first = train_by_bench(ready)[0]
    assert first == pytest.approx(float(cross_entropy(logits, labels, label_smoothing=0.5)), rel=1e-5)
    assert abs(first / plain.mean() - 1) > 1e-4


def test_what_is_no_share_is_refused() -> None:
    with pytest.raises(UsageError, match="label_smoothing:epsilon=1 cannot be"):
        LabelSmoothing(epsilon=1.0)
