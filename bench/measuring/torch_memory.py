"""Memory of tensors: by torch's caching allocator on a GPU, and by the tensors themselves anywhere.

The allocator is exact, by events, but blind to all that torch does not allocate.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from types import FunctionType, MethodType, ModuleType
from typing import TYPE_CHECKING

from bench.records.readings import MemoryParts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import torch
    from torch import nn
    from torch.optim import Optimizer

    from bench.records.readings import Memory

__all__ = [
    "allocated_bytes",
    "num_retries",
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
    """Start the peaks anew; nothing off CUDA."""
    if device.type == "cuda":
        import torch  # noqa: PLC0415  bench.measuring stays cheap to import

        torch.cuda.reset_peak_memory_stats(device)


def release_free_memory(device: torch.device) -> None:
    """Give back to the GPU what no tensor takes; nothing off CUDA."""
    if device.type == "cuda":
        import torch  # noqa: PLC0415  bench.measuring stays cheap to import

        torch.cuda.empty_cache()


def peak_bytes(device: torch.device) -> tuple[int | None, int | None]:
    """Give the peaks since the last reset: live tensors, and segments held; None off CUDA."""
    if device.type != "cuda":
        return None, None
    import torch  # noqa: PLC0415  bench.measuring stays cheap to import

    return torch.cuda.max_memory_allocated(device), torch.cuda.max_memory_reserved(device)


def allocated_bytes(device: torch.device) -> int | None:
    """Give what live tensors take now; None off CUDA."""
    if device.type != "cuda":
        return None
    import torch  # noqa: PLC0415  bench.measuring stays cheap to import

    return torch.cuda.memory_allocated(device)


def reserved_bytes(device: torch.device) -> int | None:
    """Give what the allocator holds now, in use or not; None off CUDA."""
    if device.type != "cuda":
        return None
    import torch  # noqa: PLC0415  bench.measuring stays cheap to import

    return torch.cuda.memory_reserved(device)


def num_retries(device: torch.device) -> int | None:
    """Count how often the allocator had to give memory back to the GPU to go on; None off CUDA."""
    if device.type != "cuda":
        return None
    import torch  # noqa: PLC0415  bench.measuring stays cheap to import

    return int(torch.cuda.memory_stats(device).get("num_alloc_retries", 0))


def touch(model: nn.Module) -> None:
    """Read every page of the weights on the host.

    A file of safetensors is mapped, and comes in page by page as it is used: without this, the
    weights would look like memory that training took.
    """
    import torch  # noqa: PLC0415  bench.measuring stays cheap to import

    for storage in _storages([*model.parameters(), *model.buffers()]).values():
        if storage.device.type == "cpu":
            torch.empty(0, dtype=torch.uint8).set_(storage)[::PAGE_BYTES].sum()


def split_peak(
    memory: Memory, model: nn.Module, trained: Iterable[nn.Parameter], optimizer: Optimizer
) -> MemoryParts | None:
    """Split the peak of training, which `memory` tells, into what it was for; None where no peak was measured.

    A gradient is as large as its parameter. Call it after training, when the optimizer has its state.
    """
    device = next(model.parameters()).device
    on_host = device.type == "cpu"
    total = memory.host_peak_bytes if on_host else memory.torch_allocated_peak_bytes
    baseline = memory.host_baseline_bytes if on_host else memory.torch_baseline_bytes
    if total is None or baseline is None:
        return None
    trained = list(trained)
    of_model = _storages([*model.parameters(), *model.buffers(), *trained])
    weights = sum(storage.nbytes() for storage in of_model.values())
    gradients = sum(param.nbytes for param in trained if param.requires_grad)
    of_optimizer = _storages(reachable_tensors(optimizer, optimizer.state), device)
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


def _storages(
    tensors: Iterable[torch.Tensor], device: torch.device | None = None
) -> dict[tuple[torch.device, int], torch.UntypedStorage]:
    """List what holds the tensors (on `device`, if it is given), each once: tied weights and views share theirs."""
    storages = [
        part.untyped_storage() for tensor in tensors for part in _unwrapped(tensor) if device in (None, part.device)
    ]
    return {(storage.device, storage.data_ptr()): storage for storage in storages if storage.nbytes()}


def _unwrapped(tensor: torch.Tensor) -> Iterator[torch.Tensor]:
    """Give the tensors that hold the numbers of a wrapper such as torchao's; of any other tensor, itself."""
    import torch  # noqa: PLC0415  bench.measuring stays cheap to import

    if hasattr(tensor, "__tensor_flatten__"):
        inside = [getattr(tensor, name) for name in tensor.__tensor_flatten__()[0]]
    else:
        inside = [value for value in getattr(tensor, "__dict__", {}).values() if isinstance(value, torch.Tensor)]
        if not inside or _has_memory(tensor):
            yield tensor
            return
    for part in inside:
        yield from _unwrapped(part)


def _has_memory(tensor: torch.Tensor) -> bool:
    try:
        tensor.untyped_storage().data_ptr()
    except RuntimeError:  # a wrapper has none of its own
        return False
    return True


def reachable_tensors(*roots: object) -> Iterator[torch.Tensor]:
    """Find the tensors in nested containers and objects, each once.

    An optimizer may keep its state in optimizers that it holds, in attributes, or in objects of its own.
    """
    import torch  # noqa: PLC0415  bench.measuring stays cheap to import

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


_CODE = (type, ModuleType, FunctionType, MethodType)
"""What leads away from an optimizer, to all that its code knows of."""


def _attributes(value: object) -> Iterator[object]:
    yield from getattr(value, "__dict__", {}).values()
    slots = [getattr(cls, "__slots__", ()) for cls in type(value).__mro__]
    names = [name for of_class in slots for name in ([of_class] if isinstance(of_class, str) else of_class)]
    yield from (getattr(value, name) for name in names if name != "__dict__" and hasattr(value, name))
