"""The kernels for various lengths held against torch's attention on rows: what they compute, and the gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.utils._pytree import tree_map

from bench.measuring.torch_memory import device_of
from bench.training.forward.attention import packed_attention
from bench.training.forward.layout import lay_out
from bench.training.target import kind_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import nn

    from bench.training.forward.attention import Asked

__all__ = ["kernels_differ", "kernels_for"]

_NAMES = ("outputs", "gradients of queries", "gradients of keys", "gradients of values")


def kernels_for(outer: nn.Module) -> tuple[bool, ...]:
    """Whether to try the kernels for various lengths, which are of GPUs."""
    return (True, False) if kind_of(device_of(outer)) == "cuda" else (False,)


def kernels_differ(asked: Asked, tolerances: Mapping[torch.dtype, float]) -> str:
    """Say by how much what a model asked for comes out otherwise than by spreading, if it is too much for the type.

    Args:
        asked: With the layouts that the kernels for various lengths take.
        tolerances: By type, relative to the largest number.

    """
    for module, parts, options in asked.calls.values():
        dtype = parts[2].dtype
        bounds = options["pack"]
        slots = lay_out(bounds.places.diff().cpu().numpy())
        slots = tree_map(lambda part, device=parts[2].device: part.to(device), slots)
        found, wanted = (_run(module, parts, {**options, "pack": layout}) for layout in (bounds, slots))
        for name, one, other in zip(_NAMES, found, wanted, strict=True):
            difference = float((one - other).abs().max() / other.abs().max().clamp_min(torch.finfo(torch.float32).tiny))
            if not difference <= tolerances[dtype]:
                return f"the kernel for various lengths is off by {difference:.1g} of the largest in the {name}"
    return ""


@torch.enable_grad()
def _run(module: nn.Module, parts: Sequence[torch.Tensor], options: Mapping[str, Any]) -> list[torch.Tensor]:
    """Attend, and go back from gradients that are the queries: any will do."""
    query, key, value = (part.detach().to(parts[2].dtype).requires_grad_() for part in parts)
    outputs, _ = packed_attention(module, query, key, value, None, **options)
    grads = torch.autograd.grad(outputs, (query, key, value), query.detach().transpose(1, 2))
    return [part.detach().float() for part in (outputs, *grads)]
