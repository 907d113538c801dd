"""Finds the matmuls of a model in one tiny forward pass, for the formula of `bench.measuring.flops`."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from bench.errors import Unsupported
from bench.measuring.flops import Extent, Matmul, Shapes, Unit, count_flops

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from torch import nn

__all__ = ["PROBE_LENGTHS", "read_shapes"]

_ROWS, _LENGTH = 2, 13  # a length that no head dimension has, so that it can be told from one
PROBE_LENGTHS = (_LENGTH,) * _ROWS
"""Tokens of each row of the batch that `read_shapes` runs."""


def read_shapes(forward: Callable[[], object], layers: Mapping[str, Iterable[nn.Parameter]]) -> Shapes:
    """Find the matmuls of a forward pass, and how many of each backward needs with the present `requires_grad`.

    Args:
        forward: Runs the model once on a batch of `PROBE_LENGTHS`.
        layers: The parameters of every layer, by name; a matmul without any counts to the layer before it.

    Raises:
        Unsupported: the matmuls found are not those that `count_flops` counts.

    """
    reader = _Reader({id(param): name for name, params in layers.items() for param in params})

    def run() -> None:
        with torch.enable_grad(), reader:
            forward()

    with torch.random.fork_rng(devices=[]):
        counted = count_flops(run)
    shapes = Shapes(tuple(reader.matmuls))
    read = shapes.flops(Extent.padded(PROBE_LENGTHS)).forward
    if read != counted:
        msg = f"cannot give FLOPs by a formula: {read} were read from this model's forward pass, {counted} counted"
        raise Unsupported(msg)
    return shapes


class _Reader(TorchFunctionMode):
    """Sees the calls of a forward pass with the tensors that autograd tracks."""

    def __init__(self, layer_of: Mapping[int, str]) -> None:
        super().__init__()
        self.matmuls: list[Matmul] = []
        self._layer_of = layer_of
        self._layer = next(iter(layer_of.values()))

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func is functional.linear:
            inputs, weight = [*args, *(kwargs[name] for name in ("input", "weight") if name in kwargs)][:2]
            self._linear(inputs, weight, weight.shape[::-1])
        elif func is torch.addmm:
            self._linear(args[1], args[2], args[2].shape)
        elif func in _MATMULS and args[0].ndim > args[1].ndim == 2:  # noqa: PLR2004  (a linear layer that is written out)
            self._linear(args[0], args[1], args[1].shape)
        elif func in _MATMULS and min(args[0].ndim, args[1].ndim) > 2:  # noqa: PLR2004  (2 dimensions are no batch of matrices)
            self._batched(args[0], args[1])
        elif func is functional.scaled_dot_product_attention:
            self._attention(*args[:3], **kwargs)
        return func(*args, **kwargs)

    def _linear(self, inputs: Tensor, weight: Tensor, shape: Sequence[int]) -> None:
        # A quantised weight is not itself multiplied.
        self._layer = self._layer_of.get(id(getattr(weight, "stored_as", weight)), self._layer)
        num_inputs, num_outputs = shape
        units: dict[int, Unit] = {_ROWS: "row", _ROWS * _LENGTH: "token"}
        self._note(
            2 * inputs.numel() * num_outputs,
            units.get(inputs.numel() // num_inputs),
            backward=inputs.requires_grad + weight.requires_grad,
            weight=(num_inputs, num_outputs),
        )

    def _batched(self, one: Tensor, other: Tensor) -> None:
        """Note a matmul of (..., m, k) and (..., k, n): in attention two of m, k, n are lengths."""
        sizes = (*one.shape[-2:], other.shape[-1])
        flops = 2 * prod(one.shape[:-2]) * prod(sizes)
        self._note(flops, _per(sizes), backward=one.requires_grad + other.requires_grad)

    def _attention(self, query: Tensor, key: Tensor, value: Tensor, dropout_p: float = 0.0, **_: Any) -> None:
        """Note both matmuls of attention; query is (rows, heads, queries, head_dim)."""
        rows, heads, num_queries, width = query.shape
        num_keys, value_width = value.shape[2:]
        scores = query.requires_grad + key.requires_grad
        values = (scores > 0) + value.requires_grad
        # On a CPU the fused kernel has no dropout. It computes all gradients or none.
        fused = query.device.type != "cpu" or (dropout_p == 0.0 and width == value_width)
        if fused and values:
            scores = values = 2
        per, flops = _per((num_queries, num_keys)), 2 * rows * heads * num_queries * num_keys
        self._note(flops * width, per, backward=scores)
        self._note(flops * value_width, per, backward=values)

    def _note(self, flops: int, per: Unit | None, **more: Any) -> None:
        if per is None:
            msg = "cannot give FLOPs by a formula: a product of this model grows with neither its rows nor its tokens"
            raise Unsupported(msg)
        units = {"row": _ROWS, "token": _ROWS * _LENGTH, "pair": _ROWS * _LENGTH**2}[per]
        self.matmuls.append(Matmul(self._layer, flops // units, per, **more))


def _per(sizes: Sequence[int]) -> Unit | None:
    units: dict[int, Unit] = {0: "row", 1: "token", 2: "pair"}
    return units.get(sizes.count(_LENGTH))


_MATMULS = {torch.matmul, torch.bmm, Tensor.matmul, Tensor.bmm, Tensor.__matmul__}
