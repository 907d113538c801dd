"""Linear layers of one input as one product, on a GPU: queries, keys and values, or a gate and what it lets through.

Parameters stay the model's own. Their numbers stand side by side in memory, so that one product takes them all, and
gradients are given back apart: an optimizer, and whoever saves, adapts or freezes a part, sees what it saw. A part that
is called by itself, or whose numbers were moved elsewhere, is multiplied by itself.
"""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional
from torch.overrides import has_torch_function

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["apart", "join_products"]

_TOGETHER = (("q_proj", "k_proj", "v_proj"), ("gate_proj", "up_proj"), ("query", "key", "value"))
"""Names of layers that one module calls with the same input, in this order."""

_apart = False


def join_products(model: nn.Module) -> None:
    """Let linear layers that are called with the same input be one product."""
    owners = Counter(id(param) for module in model.modules() for param in module.parameters(recurse=False))
    for module in list(model.modules()):
        children = dict(module.named_children())
        for names in _TOGETHER:
            layers: list[Any] = [getattr(child := children.get(name), "base_layer", child) for name in names]
            if _can_join(layers) and all(owners[id(param)] == 1 for layer in layers for param in layer.parameters()):
                _join(layers)


@contextmanager
def apart() -> Iterator[None]:
    """Multiply each layer by itself: where the input of one is not that of the next."""
    global _apart  # noqa: PLW0603  (as deep inside adapters as the layer stands)
    before, _apart = _apart, True
    try:
        yield
    finally:
        _apart = before


def _can_join(layers: Sequence[Any]) -> bool:
    if any(type(layer) is not nn.Linear for layer in layers):
        return False
    return len({(it.in_features, it.bias is None, it.weight.dtype, it.weight.device) for it in layers}) == 1


def _join(layers: Sequence[nn.Linear]) -> None:
    group = _Group(layers)
    for params in filter(None, (group.weights, group.biases)):
        whole = torch.cat([param.detach() for param in params])
        for param, numbers in zip(params, whole.split([len(param) for param in params]), strict=True):
            param.data = numbers
    for place, layer in enumerate(layers):
        layer.__class__ = _JointLinear
        layer.__dict__["joint"] = (group, place)


class _JointLinear(nn.Linear):
    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        if torch.compiler.is_compiling():  # compiled code is fused by its compiler
            return functional.linear(inputs, self.weight, self.bias)
        group, place = self.__dict__["joint"]
        output: torch.Tensor | None = group.take(place, inputs)
        return functional.linear(inputs, self.weight, self.bias) if output is None else output


class _Group:
    """Layers that are one product, and what of it is still to be taken."""

    def __init__(self, layers: Sequence[nn.Linear]) -> None:
        self._layers = layers
        self._inputs: torch.Tensor | None = None
        self._outputs: list[torch.Tensor] = []
        """Of the layers that follow the one that was called last."""

    @property
    def weights(self) -> list[torch.Tensor]:
        return [layer.weight for layer in self._layers]

    @property
    def biases(self) -> list[torch.Tensor]:
        return [layer.bias for layer in self._layers if layer.bias is not None]

    def take(self, place: int, inputs: torch.Tensor) -> torch.Tensor | None:
        """Give what a layer makes of its inputs; None where it is to be multiplied by itself."""
        if place == 0:
            self._inputs, self._outputs = inputs, self._multiply(inputs)
        elif inputs is not self._inputs or len(self._outputs) != len(self._layers) - place:
            self._outputs = []
        output = self._outputs.pop(0) if self._outputs else None
        if not self._outputs:
            self._inputs = None
        return output

    def _multiply(self, inputs: torch.Tensor) -> list[torch.Tensor]:
        """Multiply by all weights; nothing where they cannot be taken as one."""
        weights, biases = self.weights, self.biases
        # Whoever listens to the calls of torch, to count their FLOPs, hears each layer.
        if _apart or has_torch_function((inputs, *weights)):
            return []
        kind = inputs.device.type
        if torch.is_autocast_enabled(kind):
            inputs = inputs.to(torch.get_autocast_dtype(kind))
        elif inputs.dtype != weights[0].dtype:
            return []
        if not (_are_adjacent(weights) and _are_adjacent(biases)):
            return []
        product: torch.Tensor = _Product.apply(inputs, len(weights), *weights, *biases)  # type: ignore[no-untyped-call]
        # Not as views, of several of which none could be added to in place, as adapters do.
        return list(torch.unsafe_split_with_sizes(product, [len(weight) for weight in weights], -1))


def _are_adjacent(params: Sequence[torch.Tensor]) -> bool:
    """Whether the numbers of each parameter end where those of the next begin."""
    if not params:
        return True
    storage, place = params[0].untyped_storage()._cdata, params[0].storage_offset()  # noqa: SLF001  (its identity, without numbers too)
    for param in params:
        if param.untyped_storage()._cdata != storage or param.storage_offset() != place or not param.is_contiguous():  # noqa: SLF001
            return False
        place += param.numel()
    return True


def _as_one(params: Sequence[torch.Tensor]) -> torch.Tensor:
    first = params[0].detach()
    return first.as_strided((sum(map(len, params)), *first.shape[1:]), first.stride())


class _Product(torch.autograd.Function):
    """Inputs (..., size) by weights (columns, size) each, to (..., all columns)."""

    @staticmethod
    def forward(ctx: Any, inputs: torch.Tensor, num: int, *params: torch.Tensor) -> torch.Tensor:
        weights, biases = params[:num], params[num:]
        whole, bias = _as_one(weights).to(inputs.dtype), _as_one(biases).to(inputs.dtype) if biases else None
        ctx.save_for_backward(inputs, whole)
        ctx.sizes, ctx.dtype = [len(weight) for weight in weights], weights[0].dtype
        return functional.linear(inputs, whole, bias)

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        inputs, whole = ctx.saved_tensors
        needs_inputs, _, *needed = ctx.needs_input_grad
        num = len(ctx.sizes)
        rows, of_inputs = grad.flatten(0, -2), inputs.flatten(0, -2)
        of_params: list[torch.Tensor | None] = [None] * len(needed)
        if all(needed[:num]):
            of_params[:num] = (rows.t() @ of_inputs).to(ctx.dtype).split(ctx.sizes)
        else:
            for place, (part, is_needed) in enumerate(zip(rows.split(ctx.sizes, 1), needed[:num], strict=True)):
                of_params[place] = (part.t() @ of_inputs).to(ctx.dtype) if is_needed else None
        if any(needed[num:]):
            of_params[num:] = rows.sum(0).to(ctx.dtype).split(ctx.sizes)
        return grad @ whole if needs_inputs else None, None, *of_params
