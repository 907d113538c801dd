"""Rows that take one forward pass together."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

    from bench.training.forward.layout import Layout

__all__ = ["Batch"]


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
    """What the body is called with where that is something else: the packed rows."""
    layout: Layout | None = None
    """Of the packed batch, which attention must know."""
    picked: torch.Tensor | None = None  # (rows of the inputs,): the token whose output counts for its row
    prefix: torch.Tensor | None = None  # (1, tokens of the body, width)
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
            return self.layout.lengths.unsqueeze(0)
        return self.inputs["attention_mask"].sum(1, keepdim=True)

    def to(self, device: torch.device) -> Batch:
        """Copy the batch to `device`."""
        return replace(
            self,
            inputs=_moved(self.inputs, device),
            targets=self.targets.to(device, non_blocking=True),
            body=_moved(self.body, device),
            layout=None if self.layout is None else self.layout.to(device),
            picked=None if self.picked is None else self.picked.to(device, non_blocking=True),
            prefix=None if self.prefix is None else self.prefix.to(device, non_blocking=True),
        )


def _moved(tensors: Mapping[str, torch.Tensor], device: torch.device) -> dict[str, torch.Tensor]:
    return {name: tensor.to(device, non_blocking=True) for name, tensor in tensors.items()}
