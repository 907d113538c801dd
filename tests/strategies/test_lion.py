from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from bench.beside.strategies.lion import Lion

from bench.errors import UsageError
from tests.strategies.steps import DECAY, RATES, assert_steps, num_kept, trained, words_of

if TYPE_CHECKING:
    from collections.abc import Sequence


@pytest.mark.parametrize(("beta1", "beta2"), [(0.9, 0.99), (0.5, 0.7)])
def test_lion(beta1: float, beta2: float) -> None:
    """Chen et al. 2023, Algorithm 2."""

    def rule(weights: torch.Tensor, grads: Sequence[torch.Tensor], decay: float) -> torch.Tensor:
        mean = torch.zeros_like(weights)
        for rate, grad in zip(RATES, grads, strict=True):
            update = torch.sign(beta1 * mean + (1 - beta1) * grad)
            weights = weights - rate * (update + decay * weights)
            mean = beta2 * mean + (1 - beta2) * grad
        return weights

    assert_steps(Lion(beta1, beta2, factor=0.5), rule, decay=2 * DECAY)


def test_it_keeps_one_number_for_each_parameter() -> None:
    ready = trained(Lion())
    assert num_kept(ready) == sum(param.numel() for param in ready.trained)


def test_the_report_tells_it() -> None:
    assert words_of(Lion(0.95, factor=0.2)) == "Lion, beta1=0.95, beta2=0.99, weight_decay at 5 times that of the run"


def test_what_it_cannot_be_is_refused() -> None:
    with pytest.raises(UsageError, match=r"lion:beta2=-0\.1 cannot be"):
        Lion(beta2=-0.1)
    with pytest.raises(UsageError, match="lion:factor=nan cannot be"):
        Lion(factor=float("nan"))
