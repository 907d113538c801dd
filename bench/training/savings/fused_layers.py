"""Norms and rotary positions in fewer operations, on a GPU, whose time for each is that of far more arithmetic.

A module changes its class, and none changes for the whole process. It does so only where its own class computes the same
as the fused operation on numbers that are drawn for that.
"""

from __future__ import annotations

from functools import cache
from types import FunctionType
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch._subclasses.fake_tensor import unset_fake_temporarily
from torch.nn import functional

from bench.training.savings.rotary import turn_both

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["fuse_layers"]

_ROTARY = "apply_rotary_pos_emb"
"""What transformers calls the function by which attention turns queries and keys, in every family of models."""
_SIZE = 8


def fuse_layers(model: nn.Module) -> None:
    """Let norms and the rotary positions of attention run in fewer operations, where these compute the same."""
    for module in model.modules():
        kind = type(module)
        if (fused := _with_fused_norm(kind, _eps_of(module)) or _with_fused_rotary(kind)) is not None:  # type: ignore[arg-type]  # classes hash
            module.__class__ = fused


def _eps_of(module: nn.Module) -> float | None:
    """The constant of a norm by the root of the mean square, if it looks like one."""
    eps = getattr(module, "variance_epsilon", None) or getattr(module, "eps", None)
    return eps if type(module).__name__.endswith("RMSNorm") and isinstance(eps, float) else None


@cache
def _with_fused_norm(kind: type[nn.Module], eps: float | None) -> type[nn.Module] | None:
    if eps is None or not _is_plain_norm(kind, eps):
        return None

    def forward(self: Any, hidden_states: torch.Tensor) -> torch.Tensor:
        if hidden_states.dtype != self.weight.dtype:
            plain: torch.Tensor = kind.forward(self, hidden_states)
            return plain
        normed = functional.rms_norm(hidden_states, self.weight.shape, self.weight, eps)
        return normed.to(hidden_states.dtype)  # autocast may have it in fp32

    return type(f"Fused{kind.__name__}", (kind,), {"forward": forward})


def _is_plain_norm(kind: type[nn.Module], eps: float) -> bool:
    draw = torch.Generator().manual_seed(0)
    with unset_fake_temporarily(), torch.no_grad():
        inputs, weight = torch.randn(3, _SIZE, generator=draw), torch.rand(_SIZE, generator=draw)
        try:
            norm = kind(_SIZE, eps=eps)
            norm.weight = nn.Parameter(weight)
            found = norm(inputs)
        except (AttributeError, RuntimeError, TypeError):
            return False
        return _agree(found, functional.rms_norm(inputs, (_SIZE,), weight, eps))


@cache
def _with_fused_rotary(kind: type[nn.Module]) -> type[nn.Module] | None:
    forward = kind.forward
    if not isinstance(forward, FunctionType) or _ROTARY not in forward.__code__.co_names:
        return None
    plain = forward.__globals__[_ROTARY]
    if not _is_plain_rotary(plain):
        return None

    def turned(
        query: torch.Tensor, key: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor, *others: Any, **more: Any
    ) -> Any:
        # Compiled code is fused by its compiler.
        if others or more or cos.ndim != 3 or cos.shape[-1] != query.shape[-1] or torch.compiler.is_compiling():  # noqa: PLR2004
            return plain(query, key, cos, sin, *others, **more)
        return turn_both(query, key, cos, sin)

    # The same code, which finds another function under the name.
    names = {**forward.__globals__, _ROTARY: turned}
    fused = FunctionType(forward.__code__, names, forward.__name__, forward.__defaults__, forward.__closure__)
    fused.__kwdefaults__ = forward.__kwdefaults__
    return type(f"Fused{kind.__name__}", (kind,), {"forward": fused})


def _is_plain_rotary(plain: Callable[..., Any]) -> bool:
    draw = torch.Generator().manual_seed(0)
    with unset_fake_temporarily(), torch.no_grad():
        query, key = (torch.randn(1, heads, 3, _SIZE, generator=draw) for heads in (4, 2))
        angles = torch.rand(1, 3, _SIZE // 2, generator=draw).repeat(1, 1, 2)
        try:
            found = plain(query, key, angles.cos(), angles.sin())
        except (AttributeError, IndexError, RuntimeError, TypeError, ValueError):
            return False
        wanted = turn_both(query, key, angles.cos(), angles.sin())
        return all(_agree(one, other) for one, other in zip(found, wanted, strict=True))


def _agree(one: Any, other: torch.Tensor) -> bool:
    return isinstance(one, torch.Tensor) and one.shape == other.shape and torch.allclose(one, other, atol=1e-6)
