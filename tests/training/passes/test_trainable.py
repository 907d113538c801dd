from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn

from bench.errors import UsageError
from bench.plan import Layer, ModelView, Param, TrainPlan, throughout
from bench.training.passes.trainable import rates_of_params
from bench.training.resolve import Resolved

if TYPE_CHECKING:
    from collections.abc import Mapping

CPU = torch.device("cpu")
LAYERS = {"bottom": ("0.weight", "0.bias"), "top": ("1.weight", "1.bias")}


def resolved(rates: Mapping[str, float], trained: set[str]) -> Resolved:
    kinds: frozenset[Any] = frozenset({"weight"})
    layers = (Layer(name, tuple(Param(one, kinds, (2,)) for one in names)) for name, names in LAYERS.items())
    plan = TrainPlan(phases=throughout({"top"}))
    return Resolved(plan=plan, view=ModelView(tuple(layers), ()), rates=rates, trained=frozenset(trained))


def made() -> tuple[nn.Sequential, dict[str, nn.Parameter], list[nn.Parameter]]:
    """A model of three layers, of which a transform has introduced the last."""
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2), nn.Linear(2, 2))
    params = {name: param for name, param in model.named_parameters() if not name.startswith("2")}
    return model, params, list(model[2].parameters())


def test_what_a_layer_had_obeys_the_rates_and_what_a_transform_introduced_its_own_flag() -> None:
    model, params, introduced = made()
    introduced[1].requires_grad_(False)
    before = [param.data_ptr() for param in model.parameters()]

    found = rates_of_params(model, params, resolved({"top": 0.1, "adapters": 0.2}, {"1.weight"}), CPU)

    assert list(found.items()) == [(params["1.weight"], 0.1), (introduced[0], 0.2)]
    moved = [param.data_ptr() != at for param, at in zip(model.parameters(), before, strict=True)]
    assert moved == [param in found for param in model.parameters()], "what trains is copied out of its file"


def test_parts_of_adapters_have_rates_of_their_own() -> None:
    model, params, introduced = made()
    rates = {"adapters": 0.2, "adapters:bias": 0.4}
    found = rates_of_params(model, params, resolved(rates, set()), CPU)
    assert [found[param] for param in introduced] == [0.2, 0.4]
    with pytest.raises(UsageError, match="adapters:lora_B, but no adapter has a parameter of that name"):
        rates_of_params(model, params, resolved(rates | {"adapters:lora_B": 1.0}, set()), CPU)


def test_a_plan_that_trains_nothing_is_refused() -> None:
    model, params, introduced = made()
    for param in introduced:
        param.requires_grad_(False)
    with pytest.raises(UsageError, match="trains nothing"):
        rates_of_params(model, params, resolved({}, set()), CPU)
