from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from bench.beside.strategies.adafactor import Adafactor
from bench.beside.strategies.lion import Lion
from bench.beside.strategies.muon import Muon
from bench.beside.strategies.schedule_free import ScheduleFree
from bench.beside.strategies.sgd import Sgd

from tests.strategies.steps import begun, gradients, make

if TYPE_CHECKING:
    from bench.plan import Strategy


@pytest.mark.parametrize("strategy", [Adafactor(), Lion(), Muon(), ScheduleFree(), Sgd()], ids=str)
def test_what_has_no_gradient_stays_and_gradients_are_left_as_they_are(strategy: Strategy) -> None:
    params = {name: torch.nn.Parameter(value) for name, value in begun().items()}
    optimizer = make(strategy, params, "layer 0")
    for grads in gradients():
        params["tall"].grad = grads["tall"].clone()
        optimizer.step()
        assert torch.equal(params["tall"].grad, grads["tall"]), "what is called after a step may look at it"
    assert [name for name, start in begun().items() if not torch.equal(params[name], start)] == ["tall"]
    assert list(optimizer.state) == [params["tall"]]
