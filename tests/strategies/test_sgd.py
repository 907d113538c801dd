from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from bench.beside.strategies.sgd import Sgd

from bench.errors import UsageError
from tests.strategies.steps import DECAY, RATES, assert_steps, num_kept, trained, words_of

if TYPE_CHECKING:
    from collections.abc import Sequence


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_sgd(momentum: float) -> None:
    def rule(weights: torch.Tensor, grads: Sequence[torch.Tensor], decay: float) -> torch.Tensor:
        velocity = torch.zeros_like(weights)
        for rate, grad in zip(RATES, grads, strict=True):
            velocity = momentum * velocity + (grad + decay * weights)
            weights = weights - rate * velocity
        return weights

    assert_steps(Sgd(momentum=momentum, factor=2), rule, decay=DECAY / 2)


@pytest.mark.parametrize(("momentum", "num_each"), [(0.0, 0), (0.9, 1)])
def test_it_keeps_the_velocity_alone(momentum: float, num_each: int) -> None:
    ready = trained(Sgd(momentum))
    assert num_kept(ready) == num_each * sum(param.numel() for param in ready.trained)


def test_the_report_tells_it() -> None:
    assert words_of(Sgd(factor=100)) == "SGD, momentum=0.9, weight_decay at 0.01 times that of the run"


def test_what_it_cannot_be_is_refused() -> None:
    with pytest.raises(UsageError, match="sgd:momentum=1 cannot be: it is a share of 0 to below 1"):
        Sgd(momentum=1.0)
    with pytest.raises(UsageError, match="sgd:factor=0 cannot be: it is a factor above 0"):
        Sgd(factor=0.0)
