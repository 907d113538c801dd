"""Reads `weights`: the type in which weights are stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import torch

if TYPE_CHECKING:
    from torch import nn

__all__ = ["store_weights"]


def store_weights(model: nn.Module, weights: Literal["fp32", "bf16"], device: torch.device) -> None:
    """Give every weight its type on `device`, one by one: there is never a second copy of the model in either.

    Args:
        model: As loaded, in any type; or with transforms applied, of which the new weights alone are left to do.
        weights: The type.
        device: Receives the model.

    """
    dtype = {"fp32": torch.float32, "bf16": torch.bfloat16}[weights]
    for param in model.parameters():
        if param.is_floating_point():
            param.data = _moved(param.data, device, dtype)
    for module in model.modules():
        for name, buffer in module.named_buffers(recurse=False):
            # Positions are far apart from each other in fp32 alone, in which transformers leaves them, too.
            kept = not buffer.is_floating_point() or name.endswith("inv_freq")
            setattr(module, name, _moved(buffer, device, buffer.dtype if kept else dtype))


def _moved(tensor: torch.Tensor, device: torch.device, dtype: torch.dtype) -> torch.Tensor:
    """Move first: what arrives is cast where it stays, and a GPU is sent no more bytes than the checkpoint has."""
    return tensor.to(device).to(dtype)
