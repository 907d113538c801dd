"""What operations multiply, read and write, and how many a device has to start: of what runs, on tensors with numbers or without."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from bench.errors import Unsupported
from bench.forecasting.duration import StepWork
from bench.measuring.flops import count_flops
from bench.training.step import take_step

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.forecasting.steps import Training
    from bench.measuring.datasheets import Arithmetic
    from bench.training.prepared import Prepared

__all__ = ["arithmetic_in", "work_of", "work_of_pass", "work_of_step"]

_ARITHMETIC: dict[torch.dtype, Arithmetic] = {
    torch.float32: "fp32",
    torch.bfloat16: "bf16",
    torch.float16: "fp16",
}

_aten = torch.ops.aten
_ALLOCATIONS = {_aten.empty, _aten.empty_like, _aten.empty_strided, _aten.new_empty, _aten.new_empty_strided}
_QUESTIONS = {"prim", "profiler"}
"""Namespaces of what computes nothing."""


def arithmetic_in(prepared: Prepared) -> Arithmetic:
    """Return what the matmuls of a prepared model are computed in; fp32 is never tf32, which torch does not take by itself."""
    own = next(param.dtype for param in prepared.model.parameters() if param.is_floating_point())
    return _ARITHMETIC[own if prepared.precision.dtype == torch.float32 else prepared.precision.dtype]


def work_of_step(prepared: Prepared, training: Training) -> StepWork | None:
    """Take one more step on the longest rows, and return its work; None where it cannot be counted."""

    def step() -> None:
        take_step(
            prepared,
            training.split,
            training.parts,
            step=1,
            num_steps=2,
            max_grad_norm=training.max_grad_norm,
            mark=lambda _part: None,
        )

    return work_of(step, arithmetic_in(prepared))


def work_of_pass(prepared: Prepared, training: Training) -> StepWork | None:
    """Run the whole model forward on the same rows as an evaluation does, and return its work; None where it cannot be counted."""
    other = replace(training.split)  # of which nothing is stored

    def passes() -> None:
        for part in training.parts:
            prepared.logits(prepared.batch(other, part))

    with prepared.evaluating(), torch.no_grad(), prepared.precision.forward():
        return work_of(passes, arithmetic_in(prepared))


def work_of(run: Callable[[], object], arithmetic: Arithmetic) -> StepWork | None:
    """Return the work that `run` does, with its matmuls in `arithmetic`; None where it has none, or one without a known formula."""
    traffic = _Traffic()

    def watched() -> None:
        with traffic:
            run()

    try:
        flops = count_flops(watched)
    except Unsupported:
        return None
    return StepWork(flops={arithmetic: flops}, bytes_moved=traffic.bytes_moved, launches=traffic.launches)


class _Traffic(TorchDispatchMode):
    """Adds up the sizes of what goes into operations and comes out; a list that one operation takes is one launch."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.bytes_moved = 0
        self.launches = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if any(hasattr(one, "__tensor_flatten__") for one in types):
            return NotImplemented  # what is inside such tensors passes here by itself
        result = func(*args, **(kwargs or {}))
        if not (func.is_view or func.overloadpacket in _ALLOCATIONS or func.namespace in _QUESTIONS):
            seen = {id(one): one for one in tree_leaves((args, kwargs, result)) if isinstance(one, torch.Tensor)}
            self.bytes_moved += sum(one.numel() * one.element_size() for one in seen.values())
            self.launches += 1
        return result
