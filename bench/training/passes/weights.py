"""Reads `weights`: the type in which weights are stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import torch

if TYPE_CHECKING:
    from torch import nn

__all__ = ["store_weights"]


def store_weights(model: nn.Module, weights: Literal["fp32", "bf16"], device: torch.device) -> None:
    """Move the model to `device`, its weights in bf16 if so asked for: cast first, so that the smaller ones are copied."""
    if weights == "bf16":
        model.to(torch.bfloat16)
    model.to(device)
