"""The kernels of a GPU that a CPU lacks, in slow Python, so that torch and the product choose on a CPU as they do on a GPU.

A GPU has one kernel for attention and one for a norm, where a CPU has several or none. These have the names and the arguments of torch's, compute
real numbers, and refuse what torch's refuse.
"""

# ruff: noqa: PLR0917  (the arguments are those of torch's kernels)

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional

from bench.training.target import Target, aiming_at

if TYPE_CHECKING:
    from collections.abc import Iterator

GPU = Target(kind="cuda", name="a GPU without speed", has_native_bf16=True)


@contextmanager
def as_on_a_gpu() -> Iterator[None]:
    """Let the CPU choose as a GPU does, and have its kernels."""
    library = torch.library.Library("aten", "IMPL")
    for name, kernel in _KERNELS.items():
        library.impl(name, kernel, "CPU")
    library.impl(
        "scaled_dot_product_attention", _attention, "AutogradCPU"
    )  # where torch composes it of what it chooses
    try:
        with aiming_at(GPU):
            yield
    finally:
        library._destroy()


def _attention(
    query: torch.Tensor,  # (rows, heads, tokens, size)
    key: torch.Tensor,
    value: torch.Tensor,
    attn_mask: torch.Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> torch.Tensor:
    """Flash without a mask in half precision, else the memory-efficient kernel, which takes no fewer key heads: there the plain way is left."""
    parts = [part.transpose(1, 2) for part in (query, key, value)]
    if attn_mask is None and query.dtype != torch.float32:
        out = torch.ops.aten._flash_attention_forward(
            *parts, None, None, query.shape[2], key.shape[2], dropout_p, is_causal, False, scale=scale
        )[0]
        return out.transpose(1, 2)
    if attn_mask is not None and attn_mask.dtype == torch.bool:
        attn_mask = torch.where(
            attn_mask,
            torch.scalar_tensor(0.0, dtype=query.dtype),
            torch.scalar_tensor(float("-inf"), dtype=query.dtype),
        )
    if key.shape[1] != query.shape[1]:
        return torch.ops.aten._scaled_dot_product_attention_math(
            query, key, value, attn_mask, dropout_p, is_causal, scale=scale, enable_gqa=enable_gqa
        )[0]
    if attn_mask is not None:
        attn_mask = attn_mask.expand(*query.shape[:3], key.shape[2])
        if missing := -attn_mask.shape[-1] % 16:
            attn_mask = functional.pad(attn_mask, (0, missing))[..., :-missing]
    out = torch.ops.aten._efficient_attention_forward(
        *parts, attn_mask, None, None, None, None, dropout_p, int(is_causal), True, scale=scale
    )[0]
    return out.transpose(1, 2)


def _sequences(tensor: torch.Tensor, bounds: torch.Tensor | None) -> list[torch.Tensor]:
    """Each (heads, tokens, size), of rows (rows, tokens, heads, size) or of what stands end to end."""
    if bounds is None:
        return [row.transpose(0, 1) for row in tensor]
    tokens = tensor.reshape(-1, *tensor.shape[-2:])
    return [part.transpose(0, 1) for part in tokens.split(bounds.diff().tolist())]


def _mask(num_queries: int, num_keys: int, far: int, ahead: int) -> torch.Tensor:
    """Whom each query sees: so `far` back, and so far `ahead`; -1 is all."""
    distance = torch.arange(num_keys)[None] - torch.arange(num_keys - num_queries, num_keys)[:, None]
    return ((distance <= ahead) | (ahead < 0)) & ((-distance <= far) | (far < 0))


def _weights(q: torch.Tensor, k: torch.Tensor, bias: torch.Tensor | None, seen: Any, scale: float) -> torch.Tensor:
    scores = q @ k.transpose(1, 2) * scale
    if bias is not None:
        scores = scores + bias.float()
    return scores.masked_fill(~_mask(q.shape[1], k.shape[1], *seen), float("-inf")).softmax(-1)


def _forward(q: Any, k: Any, v: Any, bias: Any, bounds: tuple[Any, Any], seen: Any, scale: Any) -> torch.Tensor:
    scale, times = scale or q.shape[-1] ** -0.5, q.shape[-2] // k.shape[-2]
    outputs = []
    for number, (one, *others) in enumerate(
        zip(*map(_sequences, (q, k, v), (bounds[0], bounds[1], bounds[1])), strict=True)
    ):
        keys, values = (part.float().repeat_interleave(times, 0) for part in others)
        weights = _weights(one.float(), keys, None if bias is None else bias[number], seen, scale)
        outputs.append((weights @ values).transpose(0, 1))
    joined = torch.stack(outputs) if bounds[0] is None else torch.cat(outputs).view(q.shape)
    return joined.to(q.dtype).contiguous()


def _backward(grad: Any, q: Any, k: Any, v: Any, bias: Any, bounds: tuple[Any, Any], seen: Any, scale: Any) -> Any:
    scale, times = scale or q.shape[-1] ** -0.5, q.shape[-2] // k.shape[-2]
    all_grads: list[list[torch.Tensor]] = [[], [], []]
    of = (bounds[0], bounds[0], bounds[1], bounds[1])
    for number, (g, one, *others) in enumerate(zip(*map(_sequences, (grad, q, k, v), of), strict=True)):
        of_out, queries = g.float(), one.float()
        keys, values = (part.float().repeat_interleave(times, 0) for part in others)
        weights = _weights(queries, keys, None if bias is None else bias[number], seen, scale)
        of_weights = of_out @ values.transpose(1, 2)
        of_scores = weights * (of_weights - (of_weights * weights).sum(-1, keepdim=True)) * scale
        of_keys, of_values = (
            part.unflatten(0, (-1, times)).sum(1)
            for part in (of_scores.transpose(1, 2) @ queries, weights.transpose(1, 2) @ of_out)
        )
        for grads, part in zip(all_grads, (of_scores @ keys, of_keys, of_values), strict=True):
            grads.append(part.transpose(0, 1))
    join = torch.stack if bounds[0] is None else torch.cat
    return [join(grads).view(part.shape).to(part.dtype) for grads, part in zip(all_grads, (q, k, v), strict=True)]


def _flash(q, k, v, bounds_q, bounds_k, _longest_q, _longest_k, dropout, causal, _debug, *, scale=None, **window):
    assert q.dtype == k.dtype == v.dtype != torch.float32, "a kernel for half precision alone"
    assert not dropout
    out = _forward(q, k, v, None, (bounds_q, bounds_k), _flash_seen(causal, **window), scale)
    return out, *(q.new_empty(0) for _ in range(4))


def _flash_backward(
    grad, q, k, v, _out, _lse, bounds_q, bounds_k, _lq, _lk, _dropout, causal, *_, scale=None, **window
):
    return tuple(_backward(grad, q, k, v, None, (bounds_q, bounds_k), _flash_seen(causal, **window), scale))


def _flash_seen(causal, *, window_size_left=None, window_size_right=None, **_):
    far, ahead = (-1 if size is None else size for size in (window_size_left, window_size_right))
    return far, 0 if causal else ahead


def _efficient(
    q, k, v, bias, bounds_q, bounds_k, longest_q, longest_k, dropout, kind, _keeps=False, *, window_size=None, **scale
):
    assert q.shape[-2] == k.shape[-2] == v.shape[-2], "a kernel that takes no fewer key heads"
    assert q.dtype == k.dtype == v.dtype
    assert not dropout
    out = _forward(q, k, v, bias, (bounds_q, bounds_k), _efficient_seen(kind, window_size), scale.get("scale"))
    return out, *(q.new_empty(0) for _ in range(3)), longest_q or q.shape[1], longest_k or k.shape[1]


def _efficient_backward(
    grad,
    q,
    k,
    v,
    bias,
    _out,
    bounds_q,
    bounds_k,
    _lq,
    _lk,
    _lse,
    _dropout,
    _seed,
    _offset,
    kind,
    *_,
    window_size=None,
    **scale,
):
    seen = _efficient_seen(kind, window_size)
    return *_backward(grad, q, k, v, bias, (bounds_q, bounds_k), seen, scale.get("scale")), q.new_empty(0)


def _efficient_seen(kind, window):
    assert kind or window is None, "a window of causal attention alone"
    return -1 if window is None else window - 1, 0 if kind else -1


def _norm(inputs, _shape, weight, eps):
    exact = inputs.float()
    rstd = (exact.pow(2).mean(-1, keepdim=True) + eps).rsqrt()
    return (exact * rstd * weight.float()).to(inputs.dtype), rstd


def _norm_backward(grad, inputs, _shape, rstd, weight, _needed):
    normed, scaled = inputs.float() * rstd, grad.float() * weight.float()
    of_inputs = rstd * (scaled - normed * (scaled * normed).mean(-1, keepdim=True))
    return of_inputs.to(inputs.dtype), (grad.float() * normed).flatten(0, -2).sum(0).to(weight.dtype)


_KERNELS = {
    "_flash_attention_forward": _flash,
    "_flash_attention_backward": _flash_backward,
    "_efficient_attention_forward": _efficient,
    "_efficient_attention_backward": _efficient_backward,
    "_fused_rms_norm": _norm,
    "_fused_rms_norm_backward": _norm_backward,
}
