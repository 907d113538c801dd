"""The last layer for the picked tokens alone: of all others only keys and values are needed.

That takes knowing the inside of a layer, which is the same for Llama and its relatives (Mistral,
Qwen2, Gemma). Whatever looks like them from outside and computes something else is found out by
`bench.training.forward.choose`, and runs its last layer as a whole.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.functional import scaled_dot_product_attention

from bench.training.forward.layout import Bounds, Rows, Slots
from bench.training.forward.spreading import spread
from bench.training.forward.various_lengths import attend
from bench.training.savings.joint_products import apart
from bench.training.savings.rotary import turn_for

if TYPE_CHECKING:
    from torch import nn

    from bench.training.forward.layout import Layout

__all__ = ["can_pick", "is_within_window", "picks_last", "run_picked"]


def can_pick(layer: nn.Module) -> bool:
    """Whether a layer has the parts of Llama's, and no other."""
    attention = getattr(layer, "self_attn", None)
    return (
        attention is not None
        and _children(layer) == {"self_attn", "mlp", "input_layernorm", "post_attention_layernorm"}
        and _children(attention) == {"q_proj", "k_proj", "v_proj", "o_proj"}
    )


def picks_last(layer: nn.Module) -> bool:
    """Whether a model with such layers takes the output of a row's last token for it, and not of the first."""
    return any(getattr(module, "is_causal", False) for module in layer.modules())


def is_within_window(layer: Any, layout: Layout) -> bool:
    """Whether the last token of every sequence sees all of it."""
    attention = layer.self_attn
    window: int | None = getattr(attention, "sliding_window", None) or getattr(attention.config, "sliding_window", None)
    return window is None or layout.longest <= window


def run_picked(
    layer: Any,
    hidden: torch.Tensor,  # (1, tokens, width) of a pack, or (rows, longest, width)
    picked: torch.Tensor,  # (rows,): the last token of each sequence, counted through all rows
    layout: Layout,
    *,
    position_embeddings: tuple[torch.Tensor, torch.Tensor],
    **_: object,
) -> torch.Tensor:
    """Run a layer like Llama's for the picked tokens: (rows, 1, width)."""
    attention = layer.self_attn
    normed = layer.input_layernorm(hidden)
    order = None
    if isinstance(layout, Slots):
        order = layout.homes.index_select(0, picked).argsort()  # of the groups: slots are numbered through them
        picked = picked.index_select(0, order)
    places = (-1, 1) if isinstance(layout, Rows) else (1, -1)  # rows and tokens of what is picked

    def of_picked(numbers: torch.Tensor) -> torch.Tensor:
        return numbers.flatten(0, 1).index_select(0, picked).view(*places, numbers.shape[-1])

    with apart():
        query = _heads(attention.q_proj(of_picked(normed)), attention.head_dim)
    key, value = (_heads(part(normed), attention.head_dim) for part in (attention.k_proj, attention.v_proj))
    cos, sin = position_embeddings  # (1 or rows, tokens, size)
    turn = turn_for(hidden.device)
    key = turn(key, cos, sin)
    query = turn(query, *(of_picked(part.expand(len(hidden), -1, -1)) for part in (cos, sin)))
    options = {"scale": attention.scaling, "dropout": attention.attention_dropout if layer.training else 0.0}
    outputs = _attend(query, key, value, layout, **options).flatten(1)
    hidden = of_picked(hidden) + attention.o_proj(outputs.view(*places, outputs.shape[1]))
    result: torch.Tensor = hidden + layer.mlp(layer.post_attention_layernorm(hidden))
    result = result.flatten(0, 1)
    return (result if order is None else result.index_select(0, order.argsort())).unsqueeze(1)


def _attend(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, layout: Layout, *, scale: float, dropout: float
) -> torch.Tensor:
    """Let one query of each sequence see all of it: (rows, heads, size), or (rows, heads, 1, size)."""
    if isinstance(layout, Bounds):
        return _one_each(query, key, value, layout, scale=scale, dropout=dropout)
    if isinstance(layout, Slots):
        return _by_group(query, key, value, layout, scale=scale, dropout=dropout)
    return scaled_dot_product_attention(
        query,
        key,
        value,
        attn_mask=layout.present[:, None, None, :],
        dropout_p=dropout,
        scale=scale,
        enable_gqa=key.shape[1] != query.shape[1],
    )


def _one_each(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, pack: Bounds, *, scale: float, dropout: float
) -> torch.Tensor:
    """Let one query of each sequence see all of it: (rows, heads, size)."""
    q, k, v = (part.squeeze(0).transpose(0, 1) for part in (query, key, value))
    return attend(
        q,
        k,
        v,
        torch.arange(len(q) + 1, dtype=torch.int32, device=q.device),
        pack.places,
        most_queries=1,
        longest=pack.longest,
        causal=False,
        scale=scale,
        dropout=dropout,
    )


def _by_group(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, pack: Slots, *, scale: float, dropout: float
) -> torch.Tensor:
    """Let one query of each sequence, which stand in the order of the groups, see all of it: (rows, heads, 1, size)."""
    queries = query.permute(2, 1, 0, 3).split([len(mask) for mask in pack.masks])  # each asks its own sequence
    keys, values = (spread(part.squeeze(0).transpose(0, 1), pack) for part in (key, value))
    attend_to = partial(
        scaled_dot_product_attention, dropout_p=dropout, scale=scale, enable_gqa=key.shape[1] != query.shape[1]
    )
    groups = zip(queries, keys, values, pack.masks, strict=True)
    return torch.cat([attend_to(q, k, v, attn_mask=present[:, None, None, :]) for q, k, v, present in groups])


def _heads(projected: torch.Tensor, size: int) -> torch.Tensor:
    """From (rows, tokens, width) to (rows, heads, tokens, size)."""
    return projected.view(*projected.shape[:-1], -1, size).transpose(1, 2)


def _children(module: nn.Module) -> set[str]:
    return {name for name, _ in module.named_children()}
