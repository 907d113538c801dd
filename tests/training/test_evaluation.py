from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from bench.errors import Diverged
from bench.training.evaluation import predict
from bench.workload.toy import tiny_llama, toy_split

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.training.prepared import Prepared

SPLIT = toy_split(21, num_labels=3)


def test_predictions_equal_the_model_s_own_row_by_row(prepared: Callable[..., Prepared]) -> None:
    ready = prepared("full", tiny_llama(num_labels=3))
    predictions = predict(ready, SPLIT)
    plain = tiny_llama(num_labels=3).eval()
    for row in range(len(SPLIT)):
        ids, label = torch.from_numpy(SPLIT.row(row).astype(np.int64))[None], torch.tensor([SPLIT.labels[row]])
        with torch.no_grad():
            output = plain(input_ids=ids, labels=label)
        assert predictions.classes[row] == int(output.logits.argmax())
        assert predictions.losses[row] == pytest.approx(float(output.loss), rel=1e-4)


def test_logits_that_are_no_numbers_are_no_predictions(prepared: Callable[..., Prepared]) -> None:
    ready = prepared("full", tiny_llama(num_labels=3))
    with torch.no_grad():
        ready.model.get_parameter("score.weight").fill_(torch.nan)
    with pytest.raises(Diverged, match="not finite"):
        predict(ready, SPLIT)


def test_how_many_rows_go_at_once_does_not_matter(
    prepared: Callable[..., Prepared], monkeypatch: pytest.MonkeyPatch
) -> None:
    ready = prepared("full", tiny_llama(num_labels=3))
    wanted = predict(ready, SPLIT)
    monkeypatch.setattr("bench.training.evaluation.TOKENS_AT_ONCE", 13)
    found = predict(ready, SPLIT)
    assert (found.classes == wanted.classes).all()
    np.testing.assert_allclose(found.losses, wanted.losses, rtol=1e-5)
    assert found.first(5).losses.tolist() == found.losses[:5].tolist()
