"""Reads `phases`, `lr`, `lr_scale`, by way of the rates that are resolved from them: which parameters ever train, and how fast."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.errors import UsageError
from bench.plan.learning_rates import ADAPTERS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import torch
    from torch import nn

__all__ = ["rates_of_params"]


def rates_of_params(
    model: nn.Module,
    params_by_layer: Mapping[str, Sequence[nn.Parameter]],
    rates: Mapping[str, float],
    device: torch.device,
) -> dict[nn.Parameter, float]:
    """Peak learning rate of every parameter that trains at some time, in the order of the model.

    Args:
        model: After its transforms, on `device`.
        params_by_layer: What the model had before them. Parameters are known by identity, so that a transform may
            rename them; those that a transform introduced train if it left them `requires_grad`.
        rates: By layer; what is absent never trains.
        device: Of the model.

    Raises:
        UsageError: nothing would train.

    """
    layer_of = {id(param): layer for layer, params in params_by_layer.items() for param in params}
    rate_of = {
        param: rates[layer_of.get(id(param), ADAPTERS)]
        for param in model.parameters()
        if (layer_of[id(param)] in rates if id(param) in layer_of else param.requires_grad)
    }
    if not rate_of:
        raise UsageError("the plan trains nothing: no layer and no adapter is left that may change")
    if device.type == "cpu":
        # Out of the file that they are mapped from, which the first step would do page by page as it writes.
        for param in rate_of:
            param.data = param.data.clone()
    return rate_of
