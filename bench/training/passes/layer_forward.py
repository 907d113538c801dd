"""Another way to run a layer, in training alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

__all__ = ["replace_in_training"]


def replace_in_training(layer: nn.Module, special: Callable[..., Any]) -> None:
    """Run `special` in place of the layer's `forward` where a gradient is wanted; elsewhere the layer stays as it is."""
    plain = layer.forward

    def forward(*args: Any, **kwargs: Any) -> Any:
        return (special if torch.is_grad_enabled() else plain)(*args, **kwargs)

    layer.forward = forward
