"""Linear layers whose frozen weights are stored in 8 or 4 bits, and multiplied in the precision of the pass.

The classes are those of bitsandbytes, since adapters look for them. What they compute is the product with the dequantised
weight, forward and backward, and nothing else: in LLM.int8 and in bitsandbytes' kernels for a CPU inputs are quantised
too, in other ways in evaluation than in training, and by what stands beside a row.

Imported where such weights are asked for, and nowhere else: it needs bitsandbytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bitsandbytes
import torch
from bitsandbytes.functional import (
    create_dynamic_map,
    dequantize_4bit,
    int8_vectorwise_quant,
    name2qmap,
    quantize_4bit,
)
from torch import nn
from torch.nn import functional
from torch.overrides import has_torch_function
from torch.utils._python_dispatch import _disable_current_modes
from transformers.pytorch_utils import Conv1D

from bench.training.savings.onednn_linear import is_by_onednn, linear

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Int8Linear", "NF4Linear", "dequantise"]

with _disable_current_modes():  # the library makes it once for all, and that may be while tensors have no numbers
    name2qmap.setdefault("dynamic", create_dynamic_map())


class _Quantised:
    """What both have in common: `weight`, a parameter without gradient, stands for a matrix that exists while it is used."""

    weight: nn.Parameter
    bias: nn.Parameter | None
    plain_dtype: torch.dtype
    """In which it is mostly multiplied, and would be saved."""
    is_by_onednn: bool
    """Whether the fastest function for fp32 is oneDNN's."""
    is_turned = False
    """Whether it takes the place of a layer of GPT-2's, whose weight is (size, columns)."""
    dequantised: Callable[[torch.dtype], torch.Tensor]

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        device = inputs.device.type
        if torch.is_autocast_enabled(device):
            inputs = inputs.to(torch.get_autocast_dtype(device))
        bias = None if self.bias is None else self.bias.to(inputs.dtype)
        if has_torch_function((inputs,)):  # whoever listens to the calls of torch hears this one
            weight = self.dequantised(inputs.dtype)
            weight.stored_as = self.weight  # type: ignore[attr-defined]
            return functional.linear(inputs, weight, bias)
        product: torch.Tensor = _Product.apply(inputs, self)  # type: ignore[no-untyped-call]
        return product if bias is None else product + bias

    def multiply(self, inputs: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        return (linear if self.is_by_onednn and inputs.dtype == torch.float32 else functional.linear)(inputs, weight)


class _Product(torch.autograd.Function):
    """Inputs (..., size) by the weight (columns, size) of a layer to (..., columns); it keeps neither for the backward pass."""

    @staticmethod
    def forward(ctx: Any, inputs: torch.Tensor, layer: _Quantised) -> torch.Tensor:
        ctx.layer = layer
        return layer.multiply(inputs, layer.dequantised(inputs.dtype))

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor, None]:
        return ctx.layer.multiply(grad, ctx.layer.dequantised(grad.dtype).t()), None


def _stored(kind: type[nn.Parameter], packed: torch.Tensor, **state: Any) -> nn.Parameter:
    """Make a parameter of bitsandbytes, which has `state`; its classes would take what is of another class for a plain tensor."""
    if type(packed) is torch.Tensor:
        return kind(packed, requires_grad=False, **state)
    param = nn.Parameter(packed, requires_grad=False)
    vars(param).update(state)
    return param


class NF4Linear(_Quantised, bitsandbytes.nn.Linear4bit):
    """4-bit NormalFloat in blocks of 64, whose scales are in 8 bits (Dettmers et al. 2023, arXiv 2305.14314)."""

    def __init__(self, weight: torch.Tensor, bias: nn.Parameter | None, dtype: torch.dtype) -> None:
        """Quantise `weight`, (columns, size), on its device; `dtype` is that in which it will mostly be multiplied."""
        columns, size = weight.shape
        with _disable_current_modes():  # what it makes is thrown away
            super().__init__(size, columns, bias=bias is not None, device="meta", quant_type="nf4")
        packed, state = quantize_4bit(weight.contiguous(), compress_statistics=True, quant_type="nf4")
        state.dtype = dtype
        self.weight = _stored(
            bitsandbytes.nn.Params4bit,
            packed,
            quant_state=state,
            quant_type="nf4",
            compress_statistics=True,
            bnb_quantized=True,
        )
        self.bias, self.plain_dtype = bias, dtype
        self.is_by_onednn = is_by_onednn(torch.float32, weight.device)

    def dequantised(self, dtype: torch.dtype) -> torch.Tensor:
        """The weight, (columns, size)."""
        packed: Any = self.weight
        weight: torch.Tensor = dequantize_4bit(packed.data, packed.quant_state).to(dtype)
        return weight


class Int8Linear(_Quantised, bitsandbytes.nn.Linear8bitLt):
    """8-bit integers, with a scale for each output (the weights of Dettmers et al. 2022, arXiv 2208.07339)."""

    def __init__(self, weight: torch.Tensor, bias: nn.Parameter | None, dtype: torch.dtype) -> None:
        """Quantise `weight`, (columns, size), on its device; `dtype` is that in which it will mostly be multiplied."""
        columns, size = weight.shape
        with _disable_current_modes():
            super().__init__(size, columns, bias=bias is not None, has_fp16_weights=False, device="meta")
        numbers, scales, _ = int8_vectorwise_quant(weight.contiguous().to(torch.float16))
        self.weight = _stored(bitsandbytes.nn.Int8Params, numbers, SCB=scales)
        self.state.CB, self.state.SCB = numbers, scales
        self.bias, self.plain_dtype = bias, dtype
        self.is_by_onednn = is_by_onednn(torch.float32, weight.device)

    def dequantised(self, dtype: torch.dtype) -> torch.Tensor:
        """The weight, (columns, size)."""
        numbers: torch.Tensor = self.weight.data.to(dtype)
        return numbers.mul_((self.state.SCB / 127).to(dtype)[:, None])


def dequantise(model: nn.Module) -> None:
    """Put plain layers in the place of quantised ones, so that the model can be saved and loaded as any other."""
    for name, module in list(model.named_modules()):
        if isinstance(module, Int8Linear | NF4Linear):
            weight = module.dequantised(module.plain_dtype)
            with torch.device("meta"):
                sizes = module.in_features, module.out_features
                plain = Conv1D(*sizes[::-1]) if module.is_turned else nn.Linear(*sizes)
            plain.weight = nn.Parameter(weight.t().contiguous() if module.is_turned else weight, requires_grad=False)
            plain.bias = module.bias  # type: ignore[assignment]  # a layer may have none
            model.set_submodule(name, plain)
