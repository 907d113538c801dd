from __future__ import annotations

import torch
from torch import nn

from bench.training.passes.layer_forward import replace_in_training


def test_another_way_runs_where_a_gradient_is_wanted_and_nowhere_else() -> None:
    layer = nn.Linear(1, 1)
    replace_in_training(layer, lambda inputs: inputs * 0)
    one = torch.ones(1, 1)
    assert layer(one) == 0
    with torch.no_grad():
        assert layer(one) == one @ layer.weight.T + layer.bias
