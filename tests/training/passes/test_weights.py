from __future__ import annotations

import pytest
import torch
from torch import nn

from bench.training.passes.weights import store_weights


@pytest.mark.parametrize(("weights", "dtype"), [("fp32", torch.float32), ("bf16", torch.bfloat16)])
def test_weights_have_the_type_of_the_plan_on_the_device(
    weights: str, dtype: torch.dtype, device: torch.device
) -> None:
    model = nn.Linear(2, 2)
    store_weights(model, weights, device)  # type: ignore[arg-type]
    assert {(param.dtype, param.device.type) for param in model.parameters()} == {(dtype, device.type)}
