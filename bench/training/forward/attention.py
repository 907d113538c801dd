"""Attention inside packed rows, offered to transformers under a name of its own.

A packed batch is a single row of tokens in which many sequences stand end to end. Only attention must
know where one ends. Here it spreads queries, keys and values out to one sequence per row, runs
torch's own kernel on each group of rows, and gathers the outputs back: all else of the model
computes no padding.
On a GPU there are kernels for various lengths, which do without the spreading. Rows that are padded on their right are
attended to as they are, without a mask where causality says it all.

Under any other attention a packed batch mixes its sequences without an error. So this function refuses a call without a layout, and `bench.training.forward.choose`
compares the packed model with the plain one before it is used.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

from bench.training.forward.layout import Bounds, Rows
from bench.training.forward.spreading import gather, spread
from bench.training.forward.various_lengths import NoKernel, attend
from bench.training.target import kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from torch import nn

    from bench.training.forward.layout import Layout

__all__ = ["NAME", "Asked", "packed_attention", "watched"]

NAME = "bench_packed"
"""Of this attention among those of transformers."""


def packed_attention(
    module: nn.Module,
    query: torch.Tensor,  # (1, heads, tokens, size) of a pack, or (rows, heads, longest, size)
    key: torch.Tensor,  # (1 or rows, key heads, tokens, size)
    value: torch.Tensor,
    _mask_of_rows: torch.Tensor | None,
    *,
    pack: Layout | None = None,
    dropout: float = 0.0,
    scaling: float | None = None,
    is_causal: bool | None = None,
    softcap: float | None = None,
    sliding_window: int | None = None,
    position_bias: torch.Tensor | None = None,
    **_: object,
) -> tuple[torch.Tensor, None]:
    """Attend within each sequence of a packed batch, or each row: (1 or rows, tokens, heads, size).

    The layout is what `LayersForward` hands down as `pack`. All other options mean what they mean
    in transformers.

    Raises:
        ValueError: the call is none that packing can serve.

    """
    if pack is None or position_bias is not None:
        raise ValueError("packed attention was called without the layout of a pack, or with a bias on positions")
    causal: bool = getattr(module, "is_causal", True) if is_causal is None else is_causal
    if isinstance(pack, Bounds):
        q, k, v = (part.squeeze(0).transpose(0, 1) for part in (query, key, value))  # (tokens, heads, size)
        if softcap is not None:
            raise NoKernel("no kernel for various lengths caps scores")
        outputs = attend(
            q,
            k,
            v,
            pack.places,
            pack.places,
            most_queries=pack.longest,
            longest=pack.longest,
            causal=causal,
            scale=scaling,
            window=sliding_window,
            dropout=dropout,
        )
        return outputs.unsqueeze(0), None
    grouped = key.shape[1] != query.shape[1]
    if grouped and kind_of(value.device) == "cuda":
        # A GPU's kernels for fp32, or with a mask, take no fewer key heads, and what torch does instead keeps all scores.
        key, value = (part.repeat_interleave(query.shape[1] // part.shape[1], dim=1) for part in (key, value))
        grouped = False
    kernel = partial(
        scaled_dot_product_attention if softcap is None else partial(_capped, softcap=softcap),
        dropout_p=dropout,
        scale=scaling,
        enable_gqa=grouped,
    )
    masks = (pack.present,) if isinstance(pack, Rows) else pack.masks
    rows = [
        [part] if isinstance(pack, Rows) else spread(part.squeeze(0).transpose(0, 1), pack)
        for part in (query, key, value)
    ]

    def by_group(*rows: Sequence[torch.Tensor]) -> torch.Tensor:
        outputs = []
        for *parts, present in zip(*rows, masks, strict=True):
            mask = _mask(present, causal=causal, window=sliding_window)
            outputs.append(kernel(*parts, attn_mask=mask, is_causal=causal and mask is None))
        return outputs[0].transpose(1, 2) if isinstance(pack, Rows) else gather(outputs, pack).unsqueeze(0)

    if kind_of(value.device) == "cpu" and value.dtype == torch.bfloat16:
        # The backward pass of torch's CPU kernel is slower in bf16 than in fp32, and less exact.
        with torch.autocast("cpu", enabled=False):
            exact = [[part.float() for part in parts] for parts in rows]
            return by_group(*exact).to(value.dtype), None
    return by_group(*rows), None


@dataclass(frozen=True, slots=True)
class Asked:
    """What attention was asked for."""

    modules: list[nn.Module] = field(default_factory=list)
    """Every module that called it."""
    calls: dict[object, tuple[nn.Module, Sequence[torch.Tensor], Mapping[str, Any]]] = field(default_factory=dict)
    """The first call of each kind: with queries, keys and values, and its options."""


@contextmanager
def watched() -> Iterator[Asked]:
    """Note what this attention is asked for meanwhile."""
    asked = Asked()

    def note(module: nn.Module, *args: Any, **options: Any) -> tuple[torch.Tensor, None]:
        asked.modules.append(module)
        kind = (
            *((part.shape, part.dtype) for part in args[:3]),
            options.get("sliding_window"),
            options.get("is_causal"),
        )
        asked.calls.setdefault(kind, (module, args[:3], options))
        return packed_attention(module, *args, **options)

    AttentionInterface.register(NAME, note)
    try:
        yield asked
    finally:
        AttentionInterface.register(NAME, packed_attention)


def _mask(present: torch.Tensor, *, causal: bool, window: int | None) -> torch.Tensor | None:
    """Which key each query may see: (sequences, 1, queries or 1, keys); None where causality says it all.

    Padding stands on the right, behind all that a causal query sees.
    """
    longest = present.shape[1]
    if window is None or longest <= window:
        return None if causal else present[:, None, None, :]
    place = torch.arange(longest, device=present.device)
    distance = place[:, None] - place[None, :]
    near = (distance < window) & (distance >= 0 if causal else distance > -window)
    # Whoever is padding sees itself: a row of the softmax without any key is no number.
    return near & present[:, None, None, :] | torch.eye(longest, dtype=torch.bool, device=present.device)


def _capped(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    *,
    softcap: float,
    attn_mask: torch.Tensor | None,
    dropout_p: float,
    is_causal: bool,
    scale: float | None,
    enable_gqa: bool,
) -> torch.Tensor:
    """Attend with scores that stay within `softcap` (Gemma 2), which torch's kernel does not offer."""
    if enable_gqa:
        key, value = (part.repeat_interleave(query.shape[1] // part.shape[1], dim=1) for part in (key, value))
    scores = query @ key.transpose(-1, -2) * (query.shape[-1] ** -0.5 if scale is None else scale)
    scores = torch.tanh(scores / softcap) * softcap
    if is_causal:
        attn_mask = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril()
    if attn_mask is not None:
        scores = scores.masked_fill(~attn_mask, torch.finfo(scores.dtype).min)
    weights = scores.softmax(-1, dtype=torch.float32).to(value.dtype)
    if dropout_p:
        weights = torch.dropout(weights, dropout_p, train=True)
    return weights @ value


AttentionInterface.register(NAME, packed_attention)
