"""Reads `phases`, `lr`, `lr_scale`, by way of the rates that are resolved from them: which parameters ever train, and how fast."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.errors import UsageError
from bench.plan.view import ADAPTERS
from bench.training.parallel.base import is_cut

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch
    from torch import nn

    from bench.training.resolve import Resolved

__all__ = ["rates_of_params"]


def rates_of_params(
    model: nn.Module, params: Mapping[str, nn.Parameter], resolved: Resolved, device: torch.device
) -> dict[nn.Parameter, float]:
    """Peak learning rate of every parameter that trains at some time, in the order of the model.

    Args:
        model: After its transforms, on `device`.
        params: What the model had before them, by the names of the view. They are known by identity, so that a
            transform may rename them; those that a transform introduced train if it left them `requires_grad`.
        resolved: Says what trains, and how fast.
        device: Of the model.

    Raises:
        UsageError: nothing would train, or a rate is set for a part of adapters that they do not have.

    """
    layer_of = {name: layer.name for layer in resolved.view.layers for name in layer.param_names}
    name_of = {id(param): name for name, param in params.items()}
    parts = {key.partition(":")[2]: rate for key, rate in resolved.rates.items() if key.startswith(f"{ADAPTERS}:")}
    rate_of: dict[nn.Parameter, float] = {}
    used: set[str] = set()
    for qualified, param in model.named_parameters():
        if (name := name_of.get(id(param))) is not None:
            if name in resolved.trained:
                rate_of[param] = resolved.rates[layer_of[name]]
        elif param.requires_grad:
            part = next((part for part in parts if part in qualified), None)
            used.update([part] if part else [])
            rate_of[param] = parts[part] if part else resolved.rates[ADAPTERS]
    if not rate_of:
        raise UsageError("the plan trains nothing: no layer and no adapter is left that may change")
    if unused := sorted(parts.keys() - used):
        raise UsageError(f"a rate is set for {ADAPTERS}:{unused[0]}, but no adapter has a parameter of that name")
    if device.type == "cpu":
        # Out of the file that they are mapped from, which the first step would do page by page as it writes.
        for param in rate_of:
            if not is_cut(param):  # whose parts are copies already
                param.data = param.data.clone()
    return rate_of
