"""What of each layer trains, and how fast, for the report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.measuring.torch_memory import num_values
from bench.plan.view import ADAPTERS
from bench.records.record import LayerRate

if TYPE_CHECKING:
    from bench.training.prepared import Prepared

__all__ = ["layer_rates"]


def layer_rates(prepared: Prepared) -> tuple[LayerRate, ...]:
    """Every layer in forward order, and adapters, with the peak rate and what of it trains now."""
    known = {id(param) for param in prepared.params.values()}
    introduced = [param for param in prepared.model.parameters() if id(param) not in known]
    layers = prepared.params_by_layer | ({ADAPTERS: introduced} if introduced else {})
    return tuple(
        LayerRate(
            layer=name,
            lr=prepared.resolved.rates.get(name),
            num_params=sum(map(num_values, params)),
            num_trainable_params=sum(param.numel() for param in params if param.requires_grad),
        )
        for name, params in layers.items()
    )
