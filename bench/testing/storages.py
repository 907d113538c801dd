"""Which memory an optimizer keeps, counted apart from what the report says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch.optim import Optimizer

__all__ = ["Touched"]


class Touched(TorchDispatchMode):
    """The storages that an optimizer works on in its steps, but for its parameters; it keeps none of them alive."""

    def __init__(self, optimizer: Optimizer) -> None:
        """Look on while `optimizer` takes its steps."""
        super().__init__()  # type: ignore[no-untyped-call]
        self._known = {_key(param) for group in optimizer.param_groups for param in group["params"]}
        self._seen: dict[int, tuple[StorageWeakRef, int]] = {}
        optimizer.register_step_pre_hook(self._enter)
        leaving = optimizer.register_step_post_hook(self._leave)
        hooks: Any = optimizer._optimizer_step_post_hooks  # noqa: SLF001  (there is no public way to be the first of them)
        hooks.move_to_end(leaving.id, last=False)

    def _enter(self, *_: object) -> None:
        self.__enter__()  # type: ignore[no-untyped-call]

    def _leave(self, *_: object) -> None:
        self.__exit__(None, None, None)  # type: ignore[no-untyped-call]

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for value in tree_leaves((args, kwargs, result)):
            for one in _inside(value):
                if (key := _key(one)) not in self._known:
                    storage = one.untyped_storage()
                    self._seen[key] = (StorageWeakRef(storage), storage.nbytes())
        return result

    @property
    def living_bytes(self) -> int:
        """Of those that somebody still holds: once gradients are gone, the state."""
        return sum(size for ref, size in self._seen.values() if not ref.expired())


def _inside(value: Any) -> Iterator[torch.Tensor]:
    """The tensors that have memory: of one that stands for others, such as a quantised one, those."""
    if hasattr(value, "__tensor_flatten__"):
        for name in value.__tensor_flatten__()[0]:
            yield from _inside(getattr(value, name))
    elif isinstance(value, torch.Tensor):
        yield value


def _key(tensor: torch.Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)  # noqa: SLF001  (what the storage is, wherever its bytes lie)
