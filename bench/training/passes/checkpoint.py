"""Reads `checkpoint`: the layers that keep no activations."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from torch.utils.checkpoint import checkpoint

from bench.training.passes.layer_forward import replace_in_training

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from torch import nn

__all__ = ["recompute_layers"]


def recompute_layers(layers: Mapping[str, nn.Module], names: Container[str]) -> None:
    """Let the layers of these names forget their activations in training, and recompute them in the backward pass."""
    for name, layer in layers.items():
        if name in names:
            replace_in_training(layer, partial(checkpoint, layer.forward, use_reentrant=False))
