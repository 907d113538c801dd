from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
import torch
from bench.beside.strategies.adafactor import Adafactor

from bench.errors import UsageError
from tests.strategies.steps import DECAY, RATES, assert_steps, num_kept, stepped, trained, words_of

if TYPE_CHECKING:
    from collections.abc import Sequence


def size(values: torch.Tensor) -> float:
    return math.sqrt(values.square().mean())


@pytest.mark.parametrize(("scale_parameter", "decay"), [(False, DECAY), (True, DECAY / 25)])
def test_adafactor(*, scale_parameter: bool, decay: float) -> None:
    """Shazeer and Stern 2018, Algorithms 4 and 5, with sums of rows and columns, and rates that are given."""

    def rule(weights: torch.Tensor, grads: Sequence[torch.Tensor], decay: float) -> torch.Tensor:
        by_row = by_column = whole = torch.zeros(())
        for step, (rate, grad) in enumerate(zip(RATES, grads, strict=True), start=1):
            beta = 1 - step**-0.8
            square = grad**2 + 1e-30
            if grad.ndim == 2:
                by_row = beta * by_row + (1 - beta) * square.sum(1)
                by_column = beta * by_column + (1 - beta) * square.sum(0)
                estimate = torch.outer(by_row, by_column) / by_row.sum()
            else:
                estimate = whole = beta * whole + (1 - beta) * square
            update = grad / estimate.sqrt()
            update = update / max(1.0, size(update))
            alpha = rate * max(1e-3, size(weights)) if scale_parameter else rate
            weights = weights - alpha * update - rate * decay * weights
        return weights

    assert_steps(Adafactor(scale_parameter), rule, decay=decay)


def test_small_gradients_move_as_far_as_large_ones() -> None:
    """So do those of a large model that were clipped, and rows of an embedding that no batch has stay where they are."""
    strategy = Adafactor()
    plain, tiny = (stepped(strategy, scale=scale)[0] for scale in (1.0, 1e-10))
    for name, values in plain.items():
        torch.testing.assert_close(tiny[name], values, rtol=1e-4, atol=1e-6)
    still, _ = stepped(Adafactor(), scale=0.0)
    assert all(bool(values.isfinite().all()) for values in still.values())


def test_of_a_matrix_it_keeps_a_number_for_each_row_and_column() -> None:
    ready = trained(Adafactor())
    assert num_kept(ready) == sum(sum(param.shape) for param in ready.trained)


def test_the_report_tells_it() -> None:
    assert words_of(Adafactor()) == "Adafactor, scale_parameter=false"
    assert words_of(Adafactor(scale_parameter=True)) == (
        "Adafactor, scale_parameter=true, weight_decay at 0.04 times that of the run"
    )


def test_what_it_cannot_be_is_refused() -> None:
    with pytest.raises(UsageError, match="adafactor:factor=0 cannot be: it is a factor above 0"):
        Adafactor(factor=0.0)
