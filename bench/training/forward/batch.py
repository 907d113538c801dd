"""Rows that take one forward pass together."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch._subclasses.fake_tensor import FakeTensor
from torch.utils._pytree import tree_flatten, tree_unflatten

from bench.training.target import kind_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bench.training.forward.layout import Layout

__all__ = ["Batch"]

_ALIGNMENT = 16
"""Bytes: where a tensor of any type may begin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The inputs of a model for some rows, and their targets; a packed batch may end with tokens that belong to no row."""

    inputs: Mapping[str, torch.Tensor]
    """What the classifier is called with; each has one row per row of the batch, and one more where a packed batch is filled up."""
    targets: torch.Tensor  # (rows,), int64, what the task trains them towards
    num_tokens: int
    """Real tokens; padding is not counted."""
    num_computed: int
    """Tokens that the body computes, padding included."""
    body: Mapping[str, torch.Tensor] = field(default_factory=dict)
    """What the body is called with where that is something else: all tokens of the rows."""
    layout: Layout | None = None
    """Of the tokens of the body; in a packed batch attention must know it."""
    picked: torch.Tensor | None = None  # (rows of the inputs,): the token whose output counts for its row
    prefix: torch.Tensor | None = None  # (rows of the body, tokens of each, width)
    """The output of the first layers, where it is stored."""
    num_stored_layers: int = 0
    """How many layers that is."""

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.targets)

    @property
    def lengths(self) -> torch.Tensor:
        """The tokens of the row that each token is of, as the body sees them: (1, tokens) in a pack, else (rows, 1)."""
        if self.layout is not None:
            return self.layout.lengths
        return self.inputs["attention_mask"].sum(1, keepdim=True)

    def to(self, device: torch.device) -> Batch:
        """Copy the batch to `device`, all that is numbers of tokens and rows at once."""
        if kind_of(device) == "cpu" or isinstance(self.targets, FakeTensor):  # what has no numbers is where it stays
            return self
        parts, form = tree_flatten((dict(self.inputs), self.targets, dict(self.body), self.layout, self.picked))
        inputs, targets, body, layout, picked = tree_unflatten(_sent(parts, device), form)
        prefix = None if self.prefix is None else self.prefix.to(device, non_blocking=True)
        return replace(self, inputs=inputs, targets=targets, body=body, layout=layout, picked=picked, prefix=prefix)


def _sent(parts: Sequence[Any], device: torch.device) -> list[Any]:
    """Send tensors to `device` in one copy, for which the host does not wait; what else is among them stays."""
    tensors = [part for part in parts if isinstance(part, torch.Tensor)]
    ends = np.cumsum([-(-tensor.nbytes // _ALIGNMENT) * _ALIGNMENT for tensor in tensors])
    buffer = np.empty(ends[-1], dtype=np.uint8)
    starts = [0, *ends[:-1].tolist()]
    for tensor, start in zip(tensors, starts, strict=True):
        buffer[start : start + tensor.nbytes] = tensor.numpy().reshape(-1).view(np.uint8)
    on_host = torch.from_numpy(buffer)
    sent = (on_host.pin_memory() if device.type == "cuda" else on_host).to(device, non_blocking=True)
    at = iter(starts)
    return [
        sent[(start := next(at)) : start + part.nbytes].view(part.dtype).view(part.shape)
        if isinstance(part, torch.Tensor)
        else part
        for part in parts
    ]
