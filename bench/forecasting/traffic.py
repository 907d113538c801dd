"""What operations multiply, read and write, and how many a device has to start: of what runs, on tensors with numbers or without."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from bench.forecasting.duration import StepWork
from bench.measuring.flops import formula_of, is_matmul

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bench.measuring.datasheets import Arithmetic
    from bench.training.prepared import Prepared

__all__ = ["arithmetic_in", "counting"]

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


@contextmanager
def counting(arithmetic: Arithmetic) -> Iterator[Callable[[], StepWork | None]]:
    """Count the work that is done meanwhile, with its matmuls in `arithmetic`, and give what tells how much it is by now.

    That is None once there was a matmul for which no formula is known.
    """
    with _Traffic() as seen:
        yield lambda: None if seen.has_missed else seen.work(arithmetic)


class _Traffic(TorchDispatchMode):
    """Adds up the FLOPs of operations, and the sizes of what goes in and comes out; a list that one operation takes is one launch."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.flops = 0
        self.bytes_moved = 0
        self.launches = 0
        self.has_missed = False

    def work(self, arithmetic: Arithmetic) -> StepWork:
        """Return what has been seen."""
        return StepWork(flops={arithmetic: self.flops}, bytes_moved=self.bytes_moved, launches=self.launches)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if any(hasattr(one, "__tensor_flatten__") for one in types):
            return NotImplemented  # what is inside such tensors passes here by itself
        kwargs = kwargs or {}
        result, packet = func(*args, **kwargs), func.overloadpacket
        if func.is_view or packet in _ALLOCATIONS or func.namespace in _QUESTIONS:
            return result
        seen = {id(one): one for one in tree_leaves((args, kwargs, result)) if isinstance(one, torch.Tensor)}
        self.bytes_moved += sum(one.numel() * one.element_size() for one in seen.values())
        self.launches += 1
        if formula := formula_of(packet):
            self.flops += formula(*args, **kwargs, out_val=result)
        else:
            self.has_missed |= is_matmul(packet)
        return result
