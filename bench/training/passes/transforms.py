"""Reads `transforms`: rewrites of the model, such as adapters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import nn

    from bench.plan.callables import Transform

__all__ = ["rewrite"]

SAMPLE = 256
"""Numbers of a weight that are looked at, spread evenly: who rewrites weights rewrites nearly all of a weight."""


def rewrite(model: nn.Module, transforms: Sequence[Transform]) -> tuple[nn.Module, tuple[nn.Parameter, ...]]:
    """Apply transforms in the order given, which `compose` makes that of their stages.

    The second value are the parameters of before that a transform replaced, or whose numbers it changed, as PiSSA
    and OLoRA do: what they add means nothing beside the weights of the checkpoint.
    """
    if not transforms:
        return model, ()
    before = {param: _sample(param) for param in model.parameters()}
    for transform in transforms:
        model = transform(model)
    present = set(model.parameters())
    return model, tuple(
        param for param, sample in before.items() if param not in present or not torch.equal(_sample(param), sample)
    )


def _sample(param: nn.Parameter) -> torch.Tensor:
    return param.detach().flatten()[:: max(1, param.numel() // SAMPLE)].clone()
