"""Reads `transforms`: rewrites of the model, such as adapters."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import nn

    from bench.plan.callables import Transform

__all__ = ["rewrite"]


def rewrite(model: nn.Module, transforms: Iterable[Transform]) -> nn.Module:
    """Apply transforms in the order given, which `compose` makes that of their stages."""
    for transform in transforms:
        model = transform(model)
    return model
