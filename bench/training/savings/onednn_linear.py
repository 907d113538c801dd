"""Linear layers in fp32 on a CPU of AMD with AVX-512: by oneDNN.

torch asks MKL for matmuls in fp32, whatever the CPU, and MKL is tuned for Intel.
oneDNN, which torch carries too and asks for half precision, is as exact and takes less time there
(tests/perf/test_linear.py says how much less). Where there is AVX2 alone it takes more, for gradients most of all.
Small layers stay with torch: their arithmetic takes less time than the way to oneDNN.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional
from torch.overrides import has_torch_function

from bench.training.target import kind_of, target

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["MIN_MULTIPLY_ADDS", "fp32_matmuls", "is_by_onednn", "linear", "linear_for", "multiply_by_onednn"]

MIN_MULTIPLY_ADDS = 20_000_000
"""Rows times inputs times outputs, below which torch's own way is the faster one: up to four times at width 64."""


def is_by_onednn(dtype: torch.dtype, device: torch.device) -> bool:
    """Whether linear layers of `dtype` on `device` are faster by `linear` than by torch's own way, large ones."""
    return dtype == torch.float32 and kind_of(device) == "cpu" and target(device).prefers_onednn


def fp32_matmuls(device: torch.device) -> str:
    """What computes matmuls in fp32 on `device`, as the record of a run says it."""
    return "oneDNN, small ones as torch chooses" if is_by_onednn(torch.float32, device) else "as torch chooses"


def linear_for(dtype: torch.dtype, device: torch.device) -> Callable[..., torch.Tensor]:
    """The fastest function that does what `torch.nn.functional.linear` does."""
    return linear if is_by_onednn(dtype, device) else functional.linear


def multiply_by_onednn(model: nn.Module) -> None:
    """Let every linear layer in fp32 run by `linear`; modules of other classes stay as they are."""
    for module in model.modules():
        if type(module) is nn.Linear and module.weight.dtype == torch.float32:
            # By its class, not by a function of each: compiled code is made once for all layers that are alike.
            module.__class__ = _LinearLayer


class _LinearLayer(nn.Linear):
    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return linear(inputs, self.weight, self.bias)


def linear(inputs: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
    """Do what `torch.nn.functional.linear` does: (..., size) by a weight (columns, size) to (..., columns).

    Whoever listens to the calls of torch, to count their FLOPs, hears that one.
    """
    # Compiled code is made once for all sizes: it asks for the size as it runs.
    is_small = not torch.compiler.is_compiling() and _is_small(inputs, weight)
    if is_small or has_torch_function((inputs, weight)):
        return functional.linear(inputs, weight, bias)
    # In two dimensions outside of the function: its result must be no view, or nobody could add to it in place.
    rows: torch.Tensor = _Product.apply(inputs.reshape(-1, inputs.shape[-1]), weight, bias)  # type: ignore[no-untyped-call]
    return rows.view(*inputs.shape[:-1], weight.shape[0])


def _is_small(inputs: torch.Tensor, weight: torch.Tensor) -> bool:
    return inputs.numel() * weight.shape[0] < MIN_MULTIPLY_ADDS


class _Product(torch.autograd.Function):
    """Inputs (rows, size) by a weight (columns, size) to (rows, columns)."""

    @staticmethod
    def forward(ctx: Any, inputs: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        # Of the two ways that torch has for a context, this one takes half the time: one with `setup_context` reads
        # the signature at every call.
        needs_inputs, needs_weight, _ = ctx.needs_input_grad
        ctx.save_for_backward(inputs if needs_weight else None, weight if needs_inputs else None)
        return _multiply(inputs, weight, bias)

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor | None, torch.Tensor | None, torch.Tensor | None]:
        inputs, weight = ctx.saved_tensors
        return (
            None if weight is None else _multiply(grad, weight.t()),
            # oneDNN would copy what is transposed there itself, on one thread; torch.cat does it on all.
            None if inputs is None else _multiply(torch.cat([grad.t()]), inputs.t()),
            grad.sum(0) if ctx.needs_input_grad[2] else None,
        )


def _multiply(one: torch.Tensor, other: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
    """Multiply (rows, size) by (columns, size), transposed, and add (columns,)."""
    # Called straight, oneDNN's matmul costs less; but the compiler takes it only with constant weights.
    call = torch.ops.bench.multiply if torch.compiler.is_compiling() else _by_onednn
    product: torch.Tensor = call(one, other, bias)
    return product


def _by_onednn(one: torch.Tensor, other: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    product: torch.Tensor = torch.ops.mkldnn._linear_pointwise(one, other, bias, "none", [], "")  # noqa: SLF001
    return product


def _by_size(one: torch.Tensor, other: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    return (functional.linear if _is_small(one, other) else _by_onednn)(one, other, bias)


def _shape_alone(one: torch.Tensor, other: torch.Tensor, _bias: torch.Tensor | None) -> torch.Tensor:
    return one.new_empty(*one.shape[:-1], other.shape[0])


torch.library.define("bench::multiply", "(Tensor one, Tensor other, Tensor? bias) -> Tensor")
torch.library.impl("bench::multiply", "CPU", _by_size)
torch.library.register_fake("bench::multiply", _shape_alone)
