from __future__ import annotations

import math

import pytest
import torch
from bench.beside.strategies.galore import Galore
from bench.beside.strategies.pure_bf16 import PureBf16

from tests.strategies.stepping import SHAPES, AdamByHand, moved_alike, stepping
from tests.strategies.tiny import losses_of, prepared


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
