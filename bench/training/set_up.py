"""What comes before the first step: a cache is filled, layers are compiled, a GPU loads its kernels."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from bench.training.activation_cache import CacheFill
    from bench.training.prepared import Prepared
    from bench.workload.data.dataset import Split

__all__ = ["SetUp", "set_up", "try_pass", "warm_up"]

WARM_UP_SECONDS = 10.0
"""After which a warm-up leaves the sizes that are left, the rarest, to the steps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetUp:
    """What set-up made, and what it cost."""

    cache: CacheFill | None = None
    compile_seconds: float | None = None
    """The first pass included."""

    @property
    def owed_seconds(self) -> float:
        """What an earlier run has spent on a cache that this one shares: it is billed all the same."""
        return self.cache.seconds if self.cache and self.cache.is_shared else 0.0


def set_up(prepared: Prepared, split: Split, rows: NDArray[np.int64], batches: Iterable[NDArray[np.int64]]) -> SetUp:
    """Do what the strategy needs before its first step: fill the cache with `rows`, compile for the passes of all `batches`.

    The time that takes belongs to training.
    """
    filled = None
    if prepared.cache is not None:
        prepared.model.eval()
        filled = prepared.cache.fill(split, rows, prepared.device)
        prepared.training_mode()
    return SetUp(cache=filled, compile_seconds=_compile(prepared, split, batches) if prepared.plan.compile else None)


def warm_up(prepared: Prepared, split: Split, batches: Iterable[NDArray[np.int64]]) -> None:
    """Load a GPU's kernels before the clock starts: run the commonest sizes of the passes of these batches, without a step.

    Kernels are chosen by size. Loading them takes as long as many steps, but once in a process, however long one trains.
    """
    lengths = prepared.lengths(split)
    began = time.perf_counter()
    for rows in _of_each_size(prepared, batches, lambda rows: prepared.forward.kernel_size(lengths[rows])):
        if _longest(prepared, time.perf_counter() - began) > WARM_UP_SECONDS:
            break
        with torch.compiler.set_stance("force_eager"):  # to compile is the strategy's own, and billed
            try_pass(prepared, split, rows)


def _compile(prepared: Prepared, split: Split, batches: Iterable[NDArray[np.int64]]) -> float:
    """Run the first pass of each number of rows forward and backward, which compiles; return the seconds that takes.

    Code for many rows does not do for the few that an epoch may end with, and no step should compile.
    """
    began = time.perf_counter()
    for rows in _of_each_size(prepared, batches, lambda rows: (len(rows),)):
        try_pass(prepared, split, rows)
    return time.perf_counter() - began


def _of_each_size(
    prepared: Prepared, batches: Iterable[NDArray[np.int64]], size_of: Callable[[NDArray[np.int64]], tuple[int, ...]]
) -> list[NDArray[np.int64]]:
    """The rows of the first forward pass of each size in these batches, the commonest size first.

    Where ranks have to run the model together, a size is that of the passes of all of them, and all have the same passes.
    """
    passes = list(chain.from_iterable(map(prepared.parts, batches)))
    sizes = np.array([size_of(rows) for rows in passes], dtype=np.float64)  # (passes, numbers of a size)
    if prepared.parallel.cuts:
        of_ranks = np.array(prepared.parallel.gather(sizes.ravel().tolist()))
        sizes = of_ranks.reshape(-1, *sizes.shape).swapaxes(0, 1).reshape(len(passes), -1)
    alike: dict[bytes, list[NDArray[np.int64]]] = {}
    for size, rows in zip(sizes, passes, strict=True):
        alike.setdefault(size.tobytes(), []).append(rows)
    return [some[0] for some in sorted(alike.values(), key=len, reverse=True)]


def _longest(prepared: Prepared, seconds: float) -> float:
    """The most seconds that a rank has taken, where they have to end together."""
    if not prepared.parallel.cuts:
        return seconds
    return max(told for (told,) in prepared.parallel.gather((seconds,)))


def try_pass(prepared: Prepared, split: Split, rows: NDArray[np.int64]) -> None:
    """Run forward and backward, and forget the gradients and the random numbers drawn."""
    prepared.training_mode()  # compiled code is for one mode: in any other, the first step would compile again
    with torch.random.fork_rng(devices=range(torch.cuda.device_count() if prepared.device.type == "cuda" else 0)):
        batch = prepared.batch(split, rows)
        with prepared.precision.forward():
            loss = prepared.loss(batch)
        loss.backward()
    prepared.optimizer.zero_grad(set_to_none=True)
