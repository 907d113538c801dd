"""From tokens end to end to one sequence per row, and back, with backward passes that copy and never sum."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.training.forward.layout import Slots

__all__ = ["gather", "spread"]


class _Spread(torch.autograd.Function):
    """A slot beyond the end of its sequence repeats the last token, and passes no gradient on."""

    @staticmethod
    def forward(ctx: Any, tokens: torch.Tensor, slots: torch.Tensor, homes: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(homes)
        return tokens.index_select(0, slots)

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        (homes,) = ctx.saved_tensors
        return grad.index_select(0, homes), None, None


class _Gather(torch.autograd.Function):
    """Every token has one slot."""

    @staticmethod
    def forward(ctx: Any, slots: torch.Tensor, homes: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(homes)
        ctx.num_slots = slots.shape[0]
        return slots.index_select(0, homes)

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor, None]:
        (homes,) = ctx.saved_tensors
        spread = grad.new_zeros((ctx.num_slots, *grad.shape[1:]))
        return spread.index_copy(0, homes, grad), None


def spread(tokens: torch.Tensor, layout: Slots) -> list[torch.Tensor]:
    """Put (tokens, heads, size) into rows: of each group (sequences, heads, longest, size).

    No gradient may come from a slot that is no token's home.
    """
    slots: torch.Tensor = _Spread.apply(tokens, layout.slots, layout.homes)  # type: ignore[no-untyped-call]
    groups = slots.split([mask.numel() for mask in layout.masks])
    return [
        group.view(*mask.shape, *tokens.shape[1:]).transpose(1, 2)
        for group, mask in zip(groups, layout.masks, strict=True)
    ]


def gather(groups: Sequence[torch.Tensor], layout: Slots) -> torch.Tensor:
    """Take the rows of each group, (sequences, heads, longest, size), back to (tokens, heads, size)."""
    slots = torch.cat([rows.transpose(1, 2).flatten(0, 1) for rows in groups])
    tokens: torch.Tensor = _Gather.apply(slots, layout.homes)  # type: ignore[no-untyped-call]
    return tokens
