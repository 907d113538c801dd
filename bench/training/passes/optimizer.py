"""Reads `optimizer`: what takes the steps, AdamW unless the plan has another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from bench.plan.view import ADAPTERS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import nn
    from torch.optim import Optimizer

    from bench.plan.callables import OptimizerFactory
    from bench.plan.view import Kind, ModelView

__all__ = ["make_optimizer", "places_of"]

_FIRST: tuple[Kind, ...] = ("norm", "bias", "embedding", "weight")
"""What a parameter of two kinds is to an optimizer."""


def make_optimizer(
    rate_of: Mapping[nn.Parameter, float],
    places: Mapping[nn.Parameter, tuple[str, str]],
    factory: OptimizerFactory | None,
    weight_decay: float,
) -> Optimizer:
    """Make the optimizer of all parameters that ever train, at their peak rates; `places` as `places_of` returns them."""
    return (factory or _adamw)(_groups(rate_of, places, weight_decay))


def places_of(view: ModelView, params: Mapping[str, nn.Parameter]) -> dict[nn.Parameter, tuple[str, str]]:
    """The layer and the kind of every parameter that the model had before any transform."""
    return {
        params[param.name]: (layer.name, next(kind for kind in _FIRST if kind in param.kinds))
        for layer in view.layers
        for param in layer.params
    }


def _groups(
    rate_of: Mapping[nn.Parameter, float], places: Mapping[nn.Parameter, tuple[str, str]], weight_decay: float
) -> list[dict[str, Any]]:
    """One group per rate and decay; norms and biases, the parameters of one dimension, never decay.

    Layer and kind stand beside the parameters and not in groups of their own: an optimizer starts kernels for each group.
    """
    groups: dict[tuple[float, float], dict[str, Any]] = {}
    for param, rate in rate_of.items():
        decay = weight_decay if param.ndim > 1 else 0.0
        new = {"params": [], "lr": rate, "weight_decay": decay, "layers": [], "kinds": []}
        group = groups.setdefault((rate, decay), new)
        layer, kind = places.get(param, (ADAPTERS, "weight"))
        for key, value in (("params", param), ("layers", layer), ("kinds", kind)):
            group[key].append(value)
    return list(groups.values())


def _adamw(groups: Sequence[Mapping[str, Any]]) -> Optimizer:
    return torch.optim.AdamW([dict(group) for group in groups], fused=True)
