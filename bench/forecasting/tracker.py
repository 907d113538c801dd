"""How many bytes of tensors live at every moment, and what they are for.

A tracker of its own, since torch's (`torch.distributed._tools.mem_tracker`) is private, hangs hooks on every module, and
tells one peak: to go from few layers to many, the peak of every part of a step is needed. What a kernel allocates for
itself while it runs is seen by neither.
"""

from __future__ import annotations

import sys
import weakref
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self, get_args

import numpy as np
import torch
from torch._subclasses.fake_tensor import FakeTensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from bench.measuring.torch_memory import inner_tensors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray
    from torch import nn

__all__ = ["FINDS_SHAPES", "KINDS", "SHARDING", "Kind", "Slot", "Tracker", "follow"]

Kind = Literal["weights", "gradients", "optimizer", "activations", "temporaries"]
"""What memory is for; temporaries are what no other kind claims."""

KINDS: tuple[Kind, ...] = get_args(Kind)

SHARDING, FINDS_SHAPES = "torch.distributed.tensor._sharding_prop", "_propagate_tensor_meta_non_cached"
"""Where torch's `ShardingPropagator` is, and what of it runs an operation on shapes of whole tensors."""


class Slot(NamedTuple):
    """A part of what is tracked, between two marks and within one place."""

    number: int
    """Of the mark at its end."""
    name: str
    """Of that mark."""
    place: int
    """As `enter` was told: the layer that runs."""


class Tracker(TorchDispatchMode):
    """Watches tensors come and go while it is entered; a storage counts once, however many tensors show it."""

    def __init__(self) -> None:
        """Have seen nothing."""
        super().__init__()  # type: ignore[no-untyped-call]
        self._refs: dict[int, weakref.ref[torch.UntypedStorage]] = {}
        self._serials: dict[int, int] = {}
        """Of every storage that lives, by what it is in memory."""
        self._sizes: list[int] = []
        self._kinds: list[Kind | None] = []
        """By serial number."""
        self._events: list[int] = []
        """The serial number of what was made, or ~ that of what is gone."""
        self._live = 0
        self._place = 0
        self._tops: dict[int, tuple[int, int]] = {}
        """Of each place since the last mark: bytes, and events until then."""
        self._peaks: list[tuple[Slot, int]] = []
        self._num_marks = 0
        self._is_blind = False
        self._patches = ExitStack()

    def __enter__(self) -> Self:
        """Begin to watch."""
        self._patches.enter_context(_replaced(torch.UntypedStorage, "resize_", self._resizing))
        if parts := sys.modules.get(SHARDING):
            self._patches.enter_context(_replaced(parts.ShardingPropagator, FINDS_SHAPES, self._unseen))
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *error: object) -> None:
        """Look away."""
        super().__exit__(*error)  # type: ignore[no-untyped-call]
        self._patches.close()

    def see(self, tensors: Iterable[torch.Tensor], kind: Kind | None = None) -> None:
        """Count these tensors, and note what they are for unless it is known already."""
        for tensor in tensors:
            for one in inner_tensors(tensor):
                serial = self._serial(one)
                if kind and self._kinds[serial] is None:
                    self._kinds[serial] = kind

    def see_rest(self, kind: Kind) -> None:
        """Note what all those are for that live, and of which it is not known."""
        for serial in self._serials.values():
            if self._kinds[serial] is None:
                self._kinds[serial] = kind

    def enter(self, place: int) -> None:
        """Count what follows to a place."""
        self._place = place
        self._look()

    def mark(self, name: str) -> None:
        """Give a name to all since the mark before this; what follows is in place 0."""
        self._peaks += [(Slot(self._num_marks, name, place), at) for place, (_, at) in self._tops.items()]
        self._num_marks += 1
        self._tops = {}
        self.enter(0)

    def forget_peaks(self) -> None:
        """Begin to look for peaks now."""
        self._peaks, self._tops, self._num_marks = [], {}, 0
        self._look()

    def peaks(self) -> dict[Slot, NDArray[np.int64]]:
        """Return the bytes of each of KINDS at the peak of every slot: (kinds,)."""
        of_event: dict[int, list[Slot]] = {}
        for slot, at in self._peaks:
            of_event.setdefault(at, []).append(slot)
        rest = KINDS.index("temporaries")
        number = [rest if kind is None else KINDS.index(kind) for kind in self._kinds]
        found: dict[Slot, NDArray[np.int64]] = {}
        live = np.zeros(len(KINDS), dtype=np.int64)
        for at, event in enumerate([*self._events, None]):
            found |= {slot: live.copy() for slot in of_event.get(at, ())}
            if event is not None:
                serial, sign = (event, 1) if event >= 0 else (~event, -1)
                live[number[serial]] += sign * self._sizes[serial]
        return {slot: found[slot] for slot, _ in self._peaks}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.ops.prim.device.default and isinstance(args[0], FakeTensor):
            return args[0].fake_device  # as it would say, after a long way: half of what is asked of such tensors
        if any(hasattr(one, "__tensor_flatten__") for one in types):
            return NotImplemented  # what is inside such tensors passes here by itself
        result = func(*args, **(kwargs or {}))
        if self._is_blind:
            return result
        for value in (result,) if isinstance(result, torch.Tensor) else tree_leaves(result):
            if isinstance(value, torch.Tensor):
                self._serial(value)
        return result

    def _serial(self, tensor: torch.Tensor) -> int:
        storage = tensor.untyped_storage()
        key = storage._cdata  # noqa: SLF001  (what the storage is, wherever its bytes lie, if it has any)
        serial = self._serials.get(key)
        if serial is None:
            self._refs[key] = weakref.ref(storage, partial(self._gone, key))
            serial = self._come(key, storage.nbytes())
        return serial

    def _gone(self, key: int, _ref: object) -> None:
        del self._refs[key]
        self._go(key)

    def _come(self, key: int, num_bytes: int) -> int:
        serial = len(self._sizes)
        self._sizes.append(num_bytes)
        self._kinds.append(None)
        self._serials[key] = serial
        self._events.append(serial)
        self._live += num_bytes
        self._look()
        return serial

    def _go(self, key: int) -> None:
        serial = self._serials.pop(key)
        self._events.append(~serial)
        self._live -= self._sizes[serial]

    def _resizing(self, plain: Callable[..., object]) -> Callable[..., object]:
        """See what grows or shrinks where it is, as a layer that is cut does when it runs: it is gone, and another is there."""

        def resize(storage: torch.UntypedStorage, size: int) -> object:
            result, key = plain(storage, size), storage._cdata  # noqa: SLF001
            if key in self._serials:
                self._go(key)
                self._come(key, storage.nbytes())
            return result

        return resize

    def _unseen(self, plain: Callable[..., object]) -> Callable[..., object]:
        """Do not see the tensors by which torch finds out how an operation goes with parts: they have shapes alone."""

        def run(*args: object) -> object:
            self._is_blind, was_blind = True, self._is_blind
            try:
                return plain(*args)
            finally:
                self._is_blind = was_blind

        return run

    def _look(self) -> None:
        if self._live > self._tops.get(self._place, (-1, 0))[0]:
            self._tops[self._place] = self._live, len(self._events)


@contextmanager
def _replaced(owner: type, name: str, change: Callable[[Any], Any]) -> Iterator[None]:
    plain = getattr(owner, name)
    setattr(owner, name, change(plain))
    try:
        yield
    finally:
        setattr(owner, name, plain)


def follow(layers: nn.ModuleList, tracker: Tracker) -> None:
    """Tell the tracker which layer runs, forward and backward: 1 is the lowest, 0 what is below it, and beside all layers."""

    def begin(place: int, *_: object) -> None:
        tracker.enter(place)

    def end(place: int, _layer: nn.Module, _args: object, output: Any) -> None:
        hidden = output[0] if isinstance(output, tuple) else output
        if hidden.requires_grad:
            hidden.register_hook(lambda _grad: tracker.enter(place))

    for place, layer in enumerate(layers, 1):
        layer.register_forward_pre_hook(partial(begin, place))
        layer.register_forward_hook(partial(end, place))
