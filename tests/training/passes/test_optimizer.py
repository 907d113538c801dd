from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn

from bench.plan import Layer, ModelView, Param
from bench.training.passes.optimizer import make_optimizer, places_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def test_parameters_of_one_rate_and_decay_are_one_group_and_vectors_never_decay() -> None:
    slow, fast, bias = nn.Parameter(torch.ones(2, 2)), nn.Parameter(torch.ones(2, 2)), nn.Parameter(torch.ones(2))
    optimizer = make_optimizer({slow: 1e-5, fast: 1e-3, bias: 1e-3}, {}, None, weight_decay=0.1)
    assert type(optimizer) is torch.optim.AdamW
    groups = [(group["params"], group["lr"], group["weight_decay"]) for group in optimizer.param_groups]
    assert groups == [([slow], 1e-5, 0.1), ([fast], 1e-3, 0.1), ([bias], 1e-3, 0.0)]


def test_a_plan_may_have_an_optimizer_of_its_own_which_is_told_layers_and_kinds() -> None:
    model = nn.ModuleDict({"table": nn.Embedding(3, 2), "norm": nn.LayerNorm(2), "linear": nn.Linear(2, 2)})
    params = dict(model.named_parameters())
    kinds: dict[str, set[Any]] = {
        "table.weight": {"embedding"},
        "norm.weight": {"norm"},
        "norm.bias": {"norm", "bias"},
        "linear.weight": {"weight"},
        "linear.bias": {"bias"},
    }
    layers = {"bottom": ("table.weight", "norm.weight", "norm.bias"), "top": ("linear.weight", "linear.bias")}
    view = ModelView(
        tuple(
            Layer(name, tuple(Param(one, frozenset(kinds[one]), tuple(params[one].shape)) for one in names))
            for name, names in layers.items()
        ),
        (),
    )
    added = nn.Parameter(torch.ones(2, 2))
    seen: dict[nn.Parameter, tuple[str, str]] = {}

    def sgd(groups: Sequence[Mapping[str, Any]]) -> torch.optim.Optimizer:
        for group in groups:
            seen.update(zip(group["params"], zip(group["layers"], group["kinds"], strict=True), strict=True))
        return torch.optim.SGD([dict(group) for group in groups])

    optimizer = make_optimizer(dict.fromkeys([*params.values(), added], 0.5), places_of(view, params), sgd, 0.1)
    assert type(optimizer) is torch.optim.SGD
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.5)
    assert [seen[param] for param in params.values()] == [
        ("bottom", "embedding"), ("bottom", "norm"), ("bottom", "norm"), ("top", "weight"), ("top", "bias"),
    ]  # fmt: skip
    assert seen[added] == ("adapters", "weight")
