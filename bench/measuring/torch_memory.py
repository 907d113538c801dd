"""Memory of tensors: from torch's caching allocator on a GPU, and from the tensors themselves anywhere.

The allocator's peaks are exact, but leave out whatever torch does not allocate.
"""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Mapping
from types import FunctionType, MethodType, ModuleType
from typing import TYPE_CHECKING

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from bench.records.readings import MemoryParts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from torch import nn
    from torch.optim import Optimizer

    from bench.records.readings import Memory

__all__ = [
    "allocated_bytes",
    "device_of",
    "held_by_model",
    "held_by_optimizer",
    "inner_tensors",
    "num_retries",
    "num_values",
    "peak_bytes",
    "reachable_tensors",
    "release_free_memory",
    "reserved_bytes",
    "reset_peak",
    "split_peak",
    "touch",
]

PAGE_BYTES = 4096


def reset_peak(device: torch.device) -> None:
    """Reset the peaks; nothing to do off CUDA."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def release_free_memory(device: torch.device) -> None:
    """Return unused cached memory to the GPU; nothing to do off CUDA."""
    if device.type == "cuda":
        torch.cuda.empty_cache()


def peak_bytes(device: torch.device) -> tuple[int | None, int | None]:
    """Return the peaks since the last reset, of live tensors and of reserved segments; None off CUDA."""
    if device.type != "cuda":
        return None, None
    return torch.cuda.max_memory_allocated(device), torch.cuda.max_memory_reserved(device)


def allocated_bytes(device: torch.device) -> int | None:
    """Return the bytes of live tensors; None off CUDA."""
    return torch.cuda.memory_allocated(device) if device.type == "cuda" else None


def reserved_bytes(device: torch.device) -> int | None:
    """Return the bytes that the allocator holds, in use or not; None off CUDA."""
    return torch.cuda.memory_reserved(device) if device.type == "cuda" else None


def num_retries(device: torch.device) -> int | None:
    """Count how often the allocator had to free cached memory before it could allocate; None off CUDA."""
    if device.type != "cuda":
        return None
    return int(torch.cuda.memory_stats(device).get("num_alloc_retries", 0))


def touch(model: nn.Module) -> None:
    """Read every page of the weights on the host.

    A safetensors file is memory-mapped and loaded page by page at first use: without this, the
    weights would count as memory of training.
    """
    for storage in _storages([*model.parameters(), *model.buffers()]).values():
        if storage.device.type == "cpu":
            torch.empty(0, dtype=torch.uint8).set_(storage)[::PAGE_BYTES].sum()


def num_values(param: nn.Parameter) -> int:
    """The numbers that a parameter stands for: one in 4 bits keeps two of them in each of its bytes."""
    packed = getattr(param, "quant_state", None)
    return param.numel() if packed is None else packed.shape.numel()


def device_of(model: nn.Module) -> torch.device:
    """Where a model computes, of one type with where its parameters are; parts of them may wait on the host."""
    param = next(model.parameters())
    mesh = getattr(param, "device_mesh", None)
    return param.device if mesh is None else torch.device(mesh.device_type)


def split_peak(
    memory: Memory, model: nn.Module, trained: Iterable[nn.Parameter], optimizer: Optimizer, averaged: object = None
) -> MemoryParts | None:
    """Split the peak of training in `memory` by purpose; None where no peak was measured.

    A gradient is as large as its parameter. An average of the weights, which `averaged` holds, counts as state of the
    optimizer. Call it after training, when there is such state. What waits on the host, of a model that computes on a GPU,
    is no part of its peak.
    """
    device = device_of(model).type
    on_host = device == "cpu"
    total = memory.host_peak_bytes if on_host else memory.torch_allocated_peak_bytes
    baseline = memory.host_baseline_bytes if on_host else memory.torch_baseline_bytes
    if total is None or baseline is None:
        return None
    trained = list(trained)
    of_model = _storages(held_by_model(model, trained), device)
    weights = sum(storage.nbytes() for storage in of_model.values())
    training = [part for param in trained if param.requires_grad for part in inner_tensors(param)]
    gradients = sum(part.nbytes for part in training if part.device.type == device)
    of_optimizer = _storages(held_by_optimizer(optimizer, averaged), device)
    state = sum(storage.nbytes() for key, storage in of_optimizer.items() if key not in of_model)
    known = memory.host_before_bytes if on_host else None
    before = max(baseline - weights, 0) if known is None else known
    return MemoryParts(
        source="host" if on_host else "torch",
        before_bytes=before,
        weights_bytes=weights,
        gradients_bytes=gradients,
        optimizer_bytes=state,
        rest_bytes=max(total - before - weights - gradients - state, 0),
        total_bytes=total,
    )


def held_by_model(model: nn.Module, trained: Iterable[nn.Parameter]) -> Iterator[torch.Tensor]:
    """Yield the tensors of a model, with the scales that what is quantised keeps beside it, and `trained`."""
    params = list(model.parameters())
    yield from params
    yield from reachable_tensors(*map(vars, params))
    yield from model.buffers()
    yield from trained


def held_by_optimizer(optimizer: Optimizer, averaged: object = None) -> Iterator[torch.Tensor]:
    """Yield the tensors of an optimizer, its parameters among them, and of an average of the weights."""
    return reachable_tensors(optimizer, optimizer.state, averaged)


def _storages(
    tensors: Iterable[torch.Tensor], device: str | None = None
) -> dict[tuple[torch.device, int], torch.UntypedStorage]:
    """Return the distinct storages of the tensors (on a `device` of this type, if given): tied weights and views share one."""
    parts = (part for tensor in tensors for part in inner_tensors(tensor))
    storages = [part.untyped_storage() for part in parts if device in (None, part.device.type)]
    return {(storage.device, storage.data_ptr()): storage for storage in storages if storage.nbytes()}


def inner_tensors(tensor: torch.Tensor) -> Iterator[torch.Tensor]:
    """Yield the tensors inside a wrapper such as torchao's; of any other tensor, itself."""
    if hasattr(tensor, "__tensor_flatten__"):
        named = (getattr(tensor, name) for name in tensor.__tensor_flatten__()[0])
        inside = [value for value in named if isinstance(value, torch.Tensor)]
    else:
        inside = [value for value in getattr(tensor, "__dict__", {}).values() if isinstance(value, torch.Tensor)]
        if not inside or _has_memory(tensor):
            yield tensor
            return
    for part in inside:
        yield from inner_tensors(part)


def _has_memory(tensor: torch.Tensor) -> bool:
    try:
        with warnings.catch_warnings(action="ignore"):  # of a tensor without numbers, which has a storage for all that
            tensor.untyped_storage().data_ptr()
    except RuntimeError:  # a wrapper has none of its own
        return False
    return True


def reachable_tensors(*roots: object) -> Iterator[torch.Tensor]:
    """Find the tensors in nested containers and objects, each once.

    An optimizer may keep its state in optimizers that it holds, in attributes, or in objects of its own.
    """
    left, seen = list(roots), dict[int, object]()
    while left:
        value = left.pop()
        if id(value) in seen:
            continue
        seen[id(value)] = value  # kept, so that no other object gets its id
        if isinstance(value, torch.Tensor):
            yield value
        elif isinstance(value, Mapping):
            left.extend(value.values())
        elif isinstance(value, list | tuple | set | frozenset | deque):
            left.extend(value)
        elif not isinstance(value, _CODE):
            left.extend(_attributes(value))


_CODE = (type, ModuleType, FunctionType, MethodType, TorchDispatchMode)
"""Not followed: they lead from an optimizer to everything that its code refers to, or from a tensor to all others."""


def _attributes(value: object) -> Iterator[object]:
    yield from getattr(value, "__dict__", {}).values()
    slots = [getattr(cls, "__slots__", ()) for cls in type(value).__mro__]
    names = [name for of_class in slots for name in ([of_class] if isinstance(of_class, str) else of_class)]
    yield from (getattr(value, name) for name in names if name != "__dict__" and hasattr(value, name))
