"""How exact the gradient is in bf16, beside that of transformers' Trainer: speed must not be bought with it.

tox -e perf -- -k gradients
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from transformers import DataCollatorWithPadding

from bench.errors import Unsupported
from bench.tasks.classification import loss_of
from bench.workload.models.load import load_tokenizer
from tests.perf.hf import draw_epochs
from tests.perf.ours import prepare_ours
from tests.perf.side import MODELS, load

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from bench.training.prepared import Prepared
    from tests.perf.results import Results
    from tests.perf.side import Work

NUM_BATCHES = 16
"""The rounding of four moved the ratio by a tenth between two ways of computing the same."""
MOST = 1.1
"""How many times their error ours may be."""

pytestmark = [pytest.mark.perf, pytest.mark.assets, pytest.mark.timeout(0)]


@pytest.mark.parametrize("model", MODELS)
def test_gradients(results: Results, say: Callable[[str], None], model: str) -> None:
    work, ours = (load("amp", model, 128) for _ in range(2))
    try:
        prepared = prepare_ours(ours)
    except Unsupported as reason:
        pytest.skip(str(reason))
    batches = draw_epochs(work.data.train.lengths, group_by_length=False, num_epochs=1)[0][:NUM_BATCHES]
    squares = torch.zeros(3, dtype=torch.float64)
    for rows in batches:
        exact = their_gradient(work, rows, torch.float32)
        candidates = (their_gradient(work, rows, torch.bfloat16), our_gradient(prepared, ours, rows))
        squares += torch.stack([square(exact), *(square(exact, candidate) for candidate in candidates)])
    their_error, our_error = (squares[1:] / squares[0]).sqrt().tolist()
    row = {"model": model, "Trainer": f"{their_error:.2e}", "bench": f"{our_error:.2e}"}
    say(results.add("Error of the bf16 gradient, relative to the fp32 gradient's norm", row))
    results.judge(f"{model} error of the bf16 gradient, times theirs", our_error / their_error, most=MOST)
    assert our_error <= MOST * their_error


def their_gradient(work: Work, rows: NDArray[np.int64], dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """The gradient as the Trainer computes it, from a padded batch."""
    split, collate = work.data.train, DataCollatorWithPadding(load_tokenizer(work.workload.model))
    batch = collate([{"input_ids": split.row(row).tolist(), "labels": int(split.labels[row])} for row in rows])
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=dtype == torch.bfloat16):
        loss = work.model(**batch).loss
    return gradient(work.model, loss)


def our_gradient(prepared: Prepared, work: Work, rows: NDArray[np.int64]) -> dict[str, torch.Tensor]:
    """The gradient as our loop computes it."""
    batch = prepared.batch(work.data.train, rows)
    with prepared.precision.forward():
        loss = loss_of(prepared.logits(batch), batch.targets)
    return gradient(work.model, loss)


def gradient(model: torch.nn.Module, loss: torch.Tensor) -> dict[str, torch.Tensor]:
    loss.backward()
    found = {name: param.grad for name, param in model.named_parameters() if param.grad is not None}
    model.zero_grad(set_to_none=True)
    return found


def square(exact: Mapping[str, torch.Tensor], other: Mapping[str, torch.Tensor] | None = None) -> torch.Tensor:
    """The squared norm of a gradient, or of its difference from another."""
    if other is None:
        return torch.stack([grad.double().square().sum() for grad in exact.values()]).sum()
    return torch.stack([(grad.double() - other[name].double()).square().sum() for name, grad in exact.items()]).sum()
