"""Reads `transforms`: rewrites of the model, such as adapters."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from torch import nn

    from bench.plan.callables import Transform

__all__ = ["rewrite"]

SAMPLE = 256
"""Numbers of a weight that are looked at, spread evenly: who rewrites weights rewrites nearly all of a weight."""


def rewrite(
    model: nn.Module, transforms: Sequence[Transform]
) -> tuple[nn.Module, dict[nn.Parameter, torch.Tensor | bool]]:
    """Apply transforms in the order given, which `compose` makes that of their stages.

    The second value says of each parameter of before whether a transform replaced it, or changed its numbers, as PiSSA
    and OLoRA do: what they add means nothing beside the weights of the checkpoint. It may be a tensor, which nobody has
    to wait for here.
    """
    if not transforms:
        return model, {}
    before = {param: _sample(param) for param in model.parameters()}
    for transform in transforms:
        model = transform(model)
    present = set(model.parameters())
    return model, {param: param not in present or (_sample(param) != sample).any() for param, sample in before.items()}


def _sample(param: nn.Parameter) -> torch.Tensor:
    return param.detach().flatten()[:: max(1, param.numel() // SAMPLE)].clone()
