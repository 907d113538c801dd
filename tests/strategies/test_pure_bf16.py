from __future__ import annotations

import math

import pytest
import torch
from bench.beside.strategies._stochastic import round_stochastically
from bench.beside.strategies.galore import Galore
from bench.beside.strategies.pure_bf16 import PureBf16

from tests.strategies.stepping import SHAPES, AdamByHand, moved_alike, stepping
from tests.strategies.tiny import losses_of, prepared

NUM = 20_000


@pytest.mark.parametrize("value", [1.001, -1.001, 3e-5, -0.123456, 0.99999, 1.0, 0.0, 255.3])
def test_rounding_takes_one_of_the_two_neighbours_and_is_right_on_average(value: float) -> None:
    exact = torch.full((NUM,), value)
    found = round_stochastically(exact, torch.Generator().manual_seed(0)).double()
    # bf16 has 8 bits of precision: its numbers near x are 2^(floor(log2 x) - 7) apart.
    gap = 2.0 ** (math.floor(math.log2(abs(value))) - 7) if value else 1.0
    exact_value = float(exact[0])
    below = math.floor(exact_value / gap) * gap
    assert set(found.tolist()) <= {below, below + gap}
    share = (exact_value - below) / gap
    five_deviations = 5 * gap * math.sqrt(share * (1 - share) / NUM)
    assert float(found.mean()) == pytest.approx(exact_value, rel=0, abs=five_deviations + 1e-12)


def test_what_is_not_finite_stays_so() -> None:
    odd = torch.tensor([math.inf, -math.inf, math.nan])
    found = round_stochastically(odd, torch.Generator().manual_seed(0))
    assert found[:2].tolist() == [math.inf, -math.inf]
    assert found[2].isnan()


def test_in_fp32_it_steps_as_adamw() -> None:
    moved_alike(stepping(PureBf16()), {name: AdamByHand(1e-8) for name in SHAPES})


def test_steps_that_rounding_to_the_nearest_would_lose_add_up() -> None:
    one = stepping(PureBf16(), shapes={"norm": ((4096,), "layer 0", "norm")}, dtype=torch.bfloat16)
    (param,) = one.params.values()
    param.data.fill_(1.0)
    for group in one.optimizer.param_groups:
        group["lr"] = 1e-4  # a 39th of the gap below 1
    for _ in range(20):
        param.grad = torch.ones_like(param)
        one.optimizer.step()
    # Each of 20 steps moves by a gap of 2^-8 in one of 39 cases: 4,096 of them are off by little on average.
    assert float(1 - param.detach().double().mean()) == pytest.approx(20e-4, rel=0.1)


def test_all_of_it_is_in_bf16_and_the_seed_decides() -> None:
    ready = prepared(PureBf16())
    losses = losses_of(ready)
    assert losses[-1] < losses[0]
    assert {param.dtype for param in ready.model.parameters()} == {torch.bfloat16}
    moments = [ready.optimizer.state[param]["exp_avg_sq"] for param in ready.trained]
    assert {one.dtype for one in moments} == {torch.bfloat16}
    assert losses_of(prepared(PureBf16())) == losses


def test_without_it_any_optimizer_may_step() -> None:
    ready = prepared(PureBf16(stochastic=False), Galore())
    assert all(math.isfinite(loss) for loss in losses_of(ready))
    assert {param.dtype for param in ready.trained} == {torch.bfloat16}
