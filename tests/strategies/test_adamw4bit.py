from __future__ import annotations

import pytest
import torch
from bench.beside.strategies.adamw4bit import Adamw4bit

from bench.experiment import registry
from tests.strategies.stepping import RATE, VIEW, stepping

pytest.importorskip("bitsandbytes")

SHAPES = {
    "large": ((128, 512), VIEW.names[1], "weight"),
    "small": ((60, 60), VIEW.names[1], "weight"),
    "norm": ((12,), VIEW.names[1], "norm"),
}


def test_rates_stay_numbers_and_change_what_is_stepped() -> None:
    one = stepping(Adamw4bit(), shapes=SHAPES)
    scheduler = torch.optim.lr_scheduler.LambdaLR(one.optimizer, lambda step: float(step > 0))
    before = one.params["norm"].detach().clone()
    steps = one.steps()
    next(steps)
    assert one.params["norm"].equal(before), "the rate is 0 in the first step"
    scheduler.step()
    next(steps)
    assert not one.params["norm"].equal(before)
    assert [group["lr"] for group in one.optimizer.param_groups] == [RATE, RATE]


def test_it_needs_torchao() -> None:
    assert registry.needs_of(Adamw4bit()) == ("torchao",)
