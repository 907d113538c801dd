"""Attention within sequences that stand end to end, by the kernels of a GPU that take them so."""

# ruff: noqa: FBT003, PLR0917  (the arguments are those of torch's kernels)

from __future__ import annotations

from inspect import signature
from typing import Any, cast

import torch
from torch._subclasses.fake_tensor import FakeTensor
from torch.nn.attention.varlen import varlen_attn
from torch.utils.flop_counter import register_flop_formula

__all__ = ["NoKernel", "attend"]

_MUST_ASK = "enable_gqa" in signature(varlen_attn).parameters
"""Whether varlen_attn takes enable_gqa; that of torch 2.11 does not, and needs none."""


class NoKernel(ValueError):
    """No kernel computes this."""


def attend(
    query: torch.Tensor,  # (queries, heads, size)
    key: torch.Tensor,  # (tokens, key heads, size)
    value: torch.Tensor,
    of_queries: torch.Tensor,  # (sequences + 1,), int32: where each begins, and the last ends
    of_keys: torch.Tensor,
    *,
    most_queries: int,
    longest: int,
    causal: bool,
    scale: float | None,
    window: int | None = None,
    dropout: float = 0.0,
) -> torch.Tensor:
    """Let queries see the keys of their own sequence: (queries, heads, size).

    Flash attention serves half precision without dropout, the memory-efficient kernel the rest: that takes no fewer key heads, and no
    window, which torch's gradient of it forgets. Tokens see less than `window` far.

    Raises:
        NoKernel: neither serves.

    """
    query, key = query.to(value.dtype), key.to(value.dtype)
    if value.dtype != torch.float32 and not dropout:
        far = -1 if window is None else window - 1
        options: dict[str, Any] = {"enable_gqa": key.shape[1] != query.shape[1]} if _MUST_ASK else {}
        outputs = varlen_attn(
            query,
            key,
            value,
            of_queries,
            of_keys,
            most_queries,
            longest,
            scale=scale,
            window_size=(far, 0 if causal else far),
            **options,
        )
        return cast("torch.Tensor", outputs)
    if window is not None:
        raise NoKernel("no kernel for various lengths has a window in fp32, or with dropout")
    if key.shape[1] != query.shape[1]:
        key, value = (part.repeat_interleave(query.shape[1] // part.shape[1], dim=1) for part in (key, value))
    parts = (query.unsqueeze(0), key.unsqueeze(0), value.unsqueeze(0), of_queries, of_keys, most_queries, longest)
    # What torch registers for shapes alone does not fit the gradient's arguments; called straight, the kernel costs less.
    by_shape = torch.compiler.is_compiling() or isinstance(query, FakeTensor)
    outputs, *_ = (_by_shape if by_shape else _efficient)(*parts, dropout, causal, scale)
    return cast("torch.Tensor", outputs).squeeze(0)


def _efficient(
    query: torch.Tensor,  # (1, queries, heads, size)
    key: torch.Tensor,
    value: torch.Tensor,
    of_queries: torch.Tensor,
    of_keys: torch.Tensor,
    most_queries: int,
    longest: int,
    dropout: float,
    causal: bool,  # noqa: FBT001
    scale: float | None,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Call torch's kernel for what it calls nested tensors, which has no public name; its arguments are the same from 2.11 to 2.13.

    Besides the outputs it gives what the backward pass needs: logarithms of sums, and the state of random numbers.
    """
    kind = 1 if causal else 0  # from the top left: a sequence has as many queries as keys
    return torch.ops.aten._efficient_attention_forward(  # type: ignore[no-any-return]  # noqa: SLF001
        query,
        key,
        value,
        None,
        of_queries,
        of_keys,
        most_queries,
        longest,
        dropout,
        kind,
        True,
        scale=scale,
    )[:4]


_by_shape = torch.library.custom_op("bench::efficient_attention", _efficient, mutates_args=())


@_by_shape.register_fake
def _(query: Any, _key: Any, _value: Any, of_queries: Any, _keys: Any, most_queries: int, *_: Any) -> Any:
    sums = query.new_empty(len(of_queries) - 1, query.shape[2], -(-most_queries // 32) * 32, dtype=torch.float32)
    state = query.new_empty((), dtype=torch.int64)
    return torch.empty_like(query), sums, state, torch.empty_like(state)


@torch.library.custom_op("bench::efficient_attention_backward", mutates_args=())
def _backward(
    grad: torch.Tensor,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    outputs: torch.Tensor,
    sums: torch.Tensor,
    seed: torch.Tensor,
    offset: torch.Tensor,
    of_queries: torch.Tensor,
    of_keys: torch.Tensor,
    most_queries: int,
    longest: int,
    dropout: float,
    causal: bool,  # noqa: FBT001
    scale: float | None,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    places = (of_queries, of_keys, most_queries, longest)
    state = (dropout, seed, offset, 1 if causal else 0)
    return torch.ops.aten._efficient_attention_backward(  # type: ignore[no-any-return]  # noqa: SLF001
        grad,
        query,
        key,
        value,
        None,
        outputs,
        *places,
        sums,
        *state,
        False,
        scale=scale,
    )[:3]


@_backward.register_fake
def _(_grad: Any, query: Any, key: Any, value: Any, *_: Any) -> Any:
    return tuple(map(torch.empty_like, (query, key, value)))


def _keep(ctx: Any, inputs: tuple[Any, ...], output: tuple[torch.Tensor, ...]) -> None:
    *parts, ctx.most_queries, ctx.longest, ctx.dropout, ctx.causal, ctx.scale = inputs
    ctx.save_for_backward(*parts, *output)


def _go_back(ctx: Any, grad: torch.Tensor, *_: Any) -> tuple[torch.Tensor | None, ...]:
    *parts, of_queries, of_keys, outputs, sums, seed, offset = ctx.saved_tensors
    kept = (outputs, sums, seed, offset, of_queries, of_keys)
    options = (ctx.most_queries, ctx.longest, ctx.dropout, ctx.causal, ctx.scale)
    return *_backward(grad, *parts, *kept, *options), *(None for _ in range(7))


_by_shape.register_autograd(_go_back, setup_context=_keep)


@register_flop_formula(torch.ops.bench.efficient_attention)
def _flops(
    query: Any, key: Any, _value: Any, _of_queries: Any, _of_keys: Any, _most: int, longest: int, *_: Any, **__: Any
) -> int:
    """Count scores and values."""
    return 4 * _num_products(query, key, longest)


@register_flop_formula(torch.ops.bench.efficient_attention_backward)
def _flops_back(_grad: Any, query: Any, key: Any, *rest: Any, **__: Any) -> int:
    """Count the scores again, and the gradients of queries, keys, values and scores."""
    longest: int = rest[8]
    return 10 * _num_products(query, key, longest)


def _num_products(query: Any, key: Any, longest: int) -> int:
    """As if every sequence were the longest: where this is asked, bounds have no numbers."""
    _, num_queries, num_heads, size = query
    return int(num_queries * num_heads * min(longest, key[1]) * size)
