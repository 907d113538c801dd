"""Reads `optimizer`: what takes the steps, AdamW unless the plan has another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import nn
    from torch.optim import Optimizer

    from bench.plan.callables import OptimizerFactory

__all__ = ["make_optimizer"]


def make_optimizer(
    rate_of: Mapping[nn.Parameter, float], factory: OptimizerFactory | None, weight_decay: float
) -> Optimizer:
    """Make the optimizer of all parameters that ever train, at their peak rates."""
    return (factory or _adamw)(_groups(rate_of, weight_decay))


def _groups(rate_of: Mapping[nn.Parameter, float], weight_decay: float) -> list[dict[str, object]]:
    """One group per rate and decay; norms and biases, the parameters of one dimension, never decay."""
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for param, rate in rate_of.items():
        groups.setdefault((rate, weight_decay if param.ndim > 1 else 0.0), []).append(param)
    return [{"params": params, "lr": rate, "weight_decay": decay} for (rate, decay), params in groups.items()]


def _adamw(groups: Sequence[Mapping[str, object]]) -> Optimizer:
    return torch.optim.AdamW([dict(group) for group in groups], fused=True)
