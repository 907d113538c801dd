from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
import torch
from bench.beside.strategies.pure_bf16 import PureBf16
from bench.beside.strategies.schedule_free import ScheduleFree

from bench.errors import PlanConflict, Unsupported, UsageError
from bench.plan import Averaging, Edit
from bench.plan.compose import compose
from bench.testing.models import view_on
from tests.strategies.steps import DECAY, RATES, assert_steps, begun, gradients, make, num_kept, trained, words_of
from tests.strategies.tiny import prepared

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.plan import ModelView


@pytest.mark.parametrize(("beta1", "beta2"), [(0.9, 0.999), (0.6, 0.9)])
def test_schedule_free(beta1: float, beta2: float) -> None:
    """Defazio et al. 2024, Algorithm 1; a rate of nothing leaves all as it is."""

    def rule(weights: torch.Tensor, grads: Sequence[torch.Tensor], decay: float) -> torch.Tensor:
        x = z = weights
        second, total = torch.zeros_like(weights), 0.0
        for step, (rate, grad) in enumerate(zip(RATES, grads, strict=True), start=1):
            y = (1 - beta1) * z + beta1 * x
            second = beta2 * second + (1 - beta2) * grad**2
            now = rate * math.sqrt(1 - beta2**step)
            z = z - now * grad / (second.sqrt() + 1e-8) - now * decay * y
            total += now**2
            share = now**2 / total if total else 0.0
            x = (1 - share) * x + share * z
        return x

    assert_steps(ScheduleFree(beta1, beta2, factor=2), rule, decay=DECAY / 2)


def test_gradients_are_taken_between_the_steps_and_their_average() -> None:
    params = {name: torch.nn.Parameter(value) for name, value in begun().items()}
    optimizer = make(ScheduleFree(beta1=0.7, factor=1), params, "layer 0")
    for grads in gradients():
        for name, param in params.items():
            param.grad = grads[name]
        optimizer.step()
    for param in params.values():
        y, z = param.detach().clone(), optimizer.state[param]["z"]
        optimizer.eval()
        optimizer.eval()
        x = param.detach().clone()
        assert float((y - (0.3 * z + 0.7 * x)).norm()) < 1e-5 * float((z - x).norm())
        optimizer.train()
        optimizer.train()
        torch.testing.assert_close(param.detach(), y, rtol=1e-6, atol=1e-7)


def test_weights_in_bf16_are_refused() -> None:
    """There 72% of 4,096 weights of 0.05 stand still in a step at a rate of 1e-4, and 200 steps go 37% of their way."""
    with pytest.raises(Unsupported, match="schedule_free averages its steps in the weights themselves"):
        prepared(PureBf16(stochastic=False), ScheduleFree())


class Averaged:
    def edit(self, _view: ModelView) -> Edit:
        return Edit(averaging=Averaging("equal"))

    def __str__(self) -> str:
        return "averaged"


def test_a_second_average_is_refused() -> None:
    with pytest.raises(PlanConflict, match=r"schedule_free.*do not compose: both set averaging"):
        compose([Averaged(), ScheduleFree()], view_on("bert"))


def test_it_keeps_two_numbers_for_each_parameter() -> None:
    ready = trained(ScheduleFree())
    assert num_kept(ready) == 2 * sum(param.numel() for param in ready.trained)


def test_the_report_tells_it() -> None:
    assert words_of(ScheduleFree(factor=1)) == "schedule-free AdamW, beta1=0.9, beta2=0.999"
    assert compose([ScheduleFree()], view_on("bert")).lr_schedule == "constant"


def test_what_it_cannot_be_is_refused() -> None:
    for wrong in (0.0, 1.0):
        with pytest.raises(
            UsageError, match=f"schedule_free:beta1={wrong:g} cannot be: it is a share above 0 and below 1$"
        ):
            ScheduleFree(beta1=wrong)
