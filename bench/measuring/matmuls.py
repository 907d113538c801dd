"""Reads the matrix products of a model from one tiny forward pass, for the formula of `bench.measuring.flops`."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from bench.errors import Unsupported
from bench.measuring.flops import Extent, Product, Shapes, Unit, count_flops

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from torch import nn

__all__ = ["PROBE_LENGTHS", "read_shapes"]

_ROWS, _LENGTH = 2, 13  # a length that no head dimension has, so that it can be told from one
PROBE_LENGTHS = (_LENGTH,) * _ROWS
"""Tokens of each row of the batch that `read_shapes` wants run."""


def read_shapes(
    forward: Callable[[], object],
    layers: Mapping[str, Iterable[nn.Parameter]],
    checkpointed: Iterable[nn.Module] = (),
) -> Shapes:
    """Note the products of a forward pass, and of each what its backward will need as the model stands.

    Args:
        forward: Runs the model once on a batch of `PROBE_LENGTHS`.
        layers: The parameters of every layer, by name; any other belongs to the layer that runs around it.
        checkpointed: Modules whose forward runs again in backward.

    Raises:
        Unsupported: the products noted are not those that `count_flops` counts.

    """
    reader = _Reader({id(param): name for name, params in layers.items() for param in params})

    def run() -> None:
        with torch.enable_grad(), reader:
            forward()

    with torch.random.fork_rng(devices=[]), ExitStack() as stack:
        for module in checkpointed:
            stack.enter_context(_noted(module, reader))
        counted = count_flops(run)
    shapes = Shapes(tuple(reader.products))
    read = shapes.flops(Extent.padded(PROBE_LENGTHS)).forward
    if read != counted:
        msg = f"cannot give FLOPs by a formula: {read} were read from this model's forward pass, {counted} counted"
        raise Unsupported(msg)
    return shapes


@contextmanager
def _noted(module: nn.Module, reader: _Reader) -> Iterator[None]:
    """Let the reader know when a checkpointed module begins and ends."""
    begin = module.register_forward_pre_hook(lambda *_: reader.begin())
    end = module.register_forward_hook(lambda _module, _inputs, output: reader.end(output))
    try:
        yield
    finally:
        begin.remove()
        end.remove()


class _Reader(TorchFunctionMode):
    """Sees the calls of a forward pass with the tensors that autograd tracks."""

    def __init__(self, layer_of: Mapping[int, str]) -> None:
        super().__init__()
        self.products: list[Product] = []
        self._layer_of = layer_of
        self._layer = next(iter(layer_of.values()))
        self._begun = 0
        self._kept = 0
        """Products up to here feed something that backward needs."""

    def begin(self) -> None:
        self._begun = self._kept = len(self.products)

    def end(self, output: Tensor | tuple[Tensor, ...]) -> None:
        """Mark what a checkpoint makes again: it stops once it has what backward needs."""
        first = output if isinstance(output, Tensor) else output[0]
        for index in range(self._begun, self._kept if first.requires_grad else self._begun):
            product = self.products[index]
            self.products[index] = replace(product, again=product.again + 1)

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs, num_before = kwargs or {}, len(self.products)
        if func is functional.linear:
            self._linear(args[0], args[1], args[1].shape[::-1])
        elif func is torch.addmm:
            self._linear(args[1], args[2], args[2].shape)
        elif func in _MATMULS and min(args[0].ndim, args[1].ndim) > 2:  # noqa: PLR2004  (2 is no batch of products)
            self._batched(args[0], args[1])
        elif func is functional.scaled_dot_product_attention:
            self._attention(*args[:3], **kwargs)
        result = func(*args, **kwargs)
        is_new = isinstance(result, Tensor) and not any(result is arg for arg in args)
        if is_new and result.requires_grad and func not in _KEEPS_NOTHING:
            self._kept = num_before
        return result

    def _linear(self, inputs: Tensor, weight: Tensor, shape: Sequence[int]) -> None:
        self._layer = self._layer_of.get(id(weight), self._layer)
        num_inputs, num_outputs = shape
        units: dict[int, Unit] = {_ROWS: "row", _ROWS * _LENGTH: "token"}
        self._note(
            2 * inputs.numel() * num_outputs,
            units.get(inputs.numel() // num_inputs),
            backward=inputs.requires_grad + weight.requires_grad,
            weight=(num_inputs, num_outputs),
        )

    def _batched(self, one: Tensor, other: Tensor) -> None:
        """Note a product of (..., m, k) and (..., k, n): in attention two of m, k, n are lengths."""
        sizes = (*one.shape[-2:], other.shape[-1])
        flops = 2 * prod(one.shape[:-2]) * prod(sizes)
        self._note(flops, _per(sizes), backward=one.requires_grad + other.requires_grad)

    def _attention(self, query: Tensor, key: Tensor, value: Tensor, dropout_p: float = 0.0, **_: Any) -> None:
        """Note both products; query is (rows, heads, queries, head_dim)."""
        rows, heads, num_queries, width = query.shape
        num_keys, value_width = value.shape[2:]
        scores = query.requires_grad + key.requires_grad
        values = (scores > 0) + value.requires_grad
        # On a CPU the fused kernel has no dropout. It gives all gradients where it gives any.
        fused = query.device.type != "cpu" or (dropout_p == 0.0 and width == value_width)
        if fused and values:
            scores = values = 2
        per, flops = _per((num_queries, num_keys)), 2 * rows * heads * num_queries * num_keys
        self._note(flops * width, per, backward=scores, again=int(fused and values > 0))
        self._note(flops * value_width, per, backward=values)

    def _note(self, flops: int, per: Unit | None, **more: Any) -> None:
        if per is None:
            msg = "cannot give FLOPs by a formula: a product of this model grows with neither its rows nor its tokens"
            raise Unsupported(msg)
        units = {"row": _ROWS, "token": _ROWS * _LENGTH, "pair": _ROWS * _LENGTH**2}[per]
        self.products.append(Product(self._layer, flops // units, per, **more))


def _per(sizes: Sequence[int]) -> Unit | None:
    units: dict[int, Unit] = {0: "row", 1: "token", 2: "pair"}
    return units.get(sizes.count(_LENGTH))


_MATMULS = {torch.matmul, torch.bmm, Tensor.matmul, Tensor.bmm, Tensor.__matmul__}
_KEEPS_NOTHING = {Tensor.add, Tensor.view, Tensor.reshape, Tensor.squeeze, Tensor.unsqueeze, Tensor.index_select}
"""Backward needs neither what these take nor what they give: a layer's last product may just be added and passed on."""
