from __future__ import annotations

import pytest
import torch
from torch import nn

from bench.training.passes.optimizer import make_optimizer


def test_parameters_of_one_rate_and_decay_are_one_group_and_vectors_never_decay() -> None:
    slow, fast, bias = nn.Parameter(torch.ones(2, 2)), nn.Parameter(torch.ones(2, 2)), nn.Parameter(torch.ones(2))
    optimizer = make_optimizer({slow: 1e-5, fast: 1e-3, bias: 1e-3}, None, weight_decay=0.1)
    assert type(optimizer) is torch.optim.AdamW
    groups = [(group["params"], group["lr"], group["weight_decay"]) for group in optimizer.param_groups]
    assert groups == [([slow], 1e-5, 0.1), ([fast], 1e-3, 0.1), ([bias], 1e-3, 0.0)]


def test_a_plan_may_have_an_optimizer_of_its_own() -> None:
    param = nn.Parameter(torch.ones(2, 2))
    optimizer = make_optimizer({param: 0.5}, lambda groups: torch.optim.SGD([dict(group) for group in groups]), 0.1)
    assert type(optimizer) is torch.optim.SGD
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.5)
