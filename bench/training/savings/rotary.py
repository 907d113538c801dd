"""Rotary positions in three operations, forward and backward, where written out they are ten and more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from transformers.models.llama.modeling_llama import rotate_half

from bench.training.target import kind_of

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["turn", "turn_both", "turn_for"]


def turn_for(device: torch.device) -> Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]:
    """The way to turn heads that costs least on a device: a CPU pays more for a function of Python than for an operation."""
    return turn if kind_of(device) == "cuda" else _written_out


def turn(heads: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    """Turn (1, heads, tokens, size) by the place of each token, (1, tokens, size), whose halves are alike.

    The result has the type of `heads`, in whatever type it is computed.
    """
    turned: torch.Tensor = _Turn.apply(heads, cos.unsqueeze(1), _signed(sin))  # type: ignore[no-untyped-call]
    return turned


def turn_both(
    query: torch.Tensor, key: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Turn queries and keys, (rows, heads, tokens, size) each, in as many operations as one of them where they are parts of one product."""
    if not _are_adjacent(query, key):
        return turn(query, cos, sin), turn(key, cos, sin)
    queries, keys = _TurnBoth.apply(query, key, cos.unsqueeze(1), _signed(sin))  # type: ignore[no-untyped-call]
    return queries, keys


def _are_adjacent(query: torch.Tensor, key: torch.Tensor) -> bool:
    """Whether the heads of the keys follow those of the queries in memory."""
    return (
        query.dtype == key.dtype
        and query.stride() == key.stride()
        and query.untyped_storage()._cdata == key.untyped_storage()._cdata  # noqa: SLF001  (its identity, without numbers too)
        and query.storage_offset() + query.shape[1] * query.stride(1) == key.storage_offset()
    )


def _written_out(heads: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    turned: torch.Tensor = heads * cos.unsqueeze(1) + rotate_half(heads) * sin.unsqueeze(1)
    return turned


def _signed(sin: torch.Tensor) -> torch.Tensor:
    """Negate the first half: once, since all layers are given the same tensor, which keeps it."""
    found: torch.Tensor | None = getattr(sin, "signed", None)
    if found is None:
        one, other = sin.unsqueeze(1).chunk(2, -1)
        found = torch.cat([-one, other], -1)
        sin.signed = found  # type: ignore[attr-defined]
    return found


class _Turn(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, heads: torch.Tensor, cos: torch.Tensor, signed: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(cos, signed)
        return _turned(heads, cos, signed, 1)

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        cos, signed = ctx.saved_tensors
        return _turned(grad, cos, signed, -1), None, None  # back by the same angle


class _TurnBoth(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, query: torch.Tensor, key: torch.Tensor, cos: torch.Tensor, signed: torch.Tensor
    ) -> tuple[torch.Tensor, ...]:
        ctx.save_for_backward(cos, signed)
        ctx.sizes = [query.shape[1], key.shape[1]]
        rows, _, tokens, size = query.shape
        both = query.as_strided((rows, sum(ctx.sizes), tokens, size), query.stride())
        turned: tuple[torch.Tensor, ...] = _turned(both, cos, signed, 1).split(ctx.sizes, 1)
        return turned

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        cos, signed = ctx.saved_tensors
        return *_turned(torch.cat(grads, 1), cos, signed, -1).split(ctx.sizes, 1), None, None


def _turned(heads: torch.Tensor, cos: torch.Tensor, signed: torch.Tensor, direction: int) -> torch.Tensor:
    other_half = heads.roll(heads.shape[-1] // 2, -1)
    return torch.addcmul(heads * cos, other_half, signed, value=direction, out=torch.empty_like(heads))
