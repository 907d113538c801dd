from __future__ import annotations

import pytest
import torch
from torch import nn

from bench.errors import UsageError
from bench.training.passes.trainable import rates_of_params

CPU = torch.device("cpu")


def test_what_a_layer_had_obeys_the_rates_and_what_a_transform_introduced_its_own_flag() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2), nn.Linear(2, 2))
    bottom, top, introduced = (list(layer.parameters()) for layer in model)
    introduced[1].requires_grad_(False)
    layers, before = {"bottom": bottom, "top": top}, [param.data_ptr() for param in model.parameters()]

    found = rates_of_params(model, layers, {"top": 0.1, "adapters": 0.2}, CPU)

    assert list(found.items()) == [(top[0], 0.1), (top[1], 0.1), (introduced[0], 0.2)]
    moved = [param.data_ptr() != at for param, at in zip(model.parameters(), before, strict=True)]
    assert moved == [param in found for param in model.parameters()], "what trains is copied out of its file"


def test_a_plan_that_trains_nothing_is_refused() -> None:
    model = nn.Linear(2, 2)
    with pytest.raises(UsageError, match="trains nothing"):
        rates_of_params(model, {"all": list(model.parameters())}, {}, CPU)
