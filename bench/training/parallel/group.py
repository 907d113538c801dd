"""The processes of a run that share it: how they meet, what each of them takes of a step, and what they tell each other."""

from __future__ import annotations

import math
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import torch
import torch.distributed as dist

from bench.errors import first_line
from bench.workload.data.batches import micro_batches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from urllib.parse import SplitResult

    import numpy as np
    from numpy.typing import NDArray
    from torch.distributed.device_mesh import DeviceMesh

__all__ = ["Group", "joined", "why_whole"]

PATIENCE = timedelta(days=7)
"""For the others, who may evaluate or compile meanwhile: whoever started the ranks ends them where one is lost."""


def _begin_sum(tensor: torch.Tensor) -> Callable[[], object]:
    wait: Callable[[], object] = dist.all_reduce(tensor, async_op=True).wait
    return wait


@dataclass(frozen=True, slots=True)
class Group:
    """One of the ranks of a run, on its device, with all of them in the default process group of torch."""

    rank: int
    num_ranks: int
    device: torch.device
    begin_sum: Callable[[torch.Tensor], Callable[[], object]] = _begin_sum
    """Begins to give a tensor, in place, its sum over the ranks, and returns what waits for it."""
    mesh: DeviceMesh | None = None
    """Of all ranks, where it is there already: a forecast makes it while tensors still have numbers."""

    def passes(self, rows: NDArray[np.int64], size: int | None, /) -> list[tuple[NDArray[np.int64], float]]:
        """Every so-many-th row, so that lengths are alike on all ranks, as rows of a batch are sorted by them.

        A rank that lacks a pass which others have takes one row of the step that counts nothing. So all have gradients
        of the same parameters, and none is missing where they meet.
        """
        most = len(rows[:: self.num_ranks])
        parts = list(micro_batches(rows[self.rank :: self.num_ranks], size or most))
        passes = [(part, len(part) / len(rows)) for part in parts]
        return passes + [(rows[:1], 0.0)] * (math.ceil(most / (size or most)) - len(passes))

    def gather(self, numbers: Sequence[float], /) -> list[list[float]]:
        """Tell all ranks the numbers of each, as many from each, in the order of the ranks."""
        own = torch.tensor(numbers, dtype=torch.float64, device=self.device)
        of_all = [torch.empty_like(own) for _ in range(self.num_ranks)]
        dist.all_gather(of_all, own)
        return [one.tolist() for one in of_all]


@contextmanager
def joined(
    meeting: str, *, rank: int, num_ranks: int, device: torch.device, with_host: bool = False
) -> Iterator[Group]:
    """Meet the other ranks of a run; in the context, torch's default process group is theirs.

    Args:
        meeting: A URL that all give alike: `file://` with a path that none has made, or `tcp://` with the address of a store of torch and a name
            in it that none has used.
        rank: Of this process, from 0.
        num_ranks: Of all.
        device: Of this rank: NCCL connects GPUs, gloo CPUs.
        with_host: Whether the ranks share what lies in the host's memory, too, where `device` is a GPU.

    """
    is_gpu, place = device.type == "cuda", urlsplit(meeting)
    store = _store_at(place) if place.scheme == "tcp" else None
    dist.init_process_group(
        ("cpu:gloo,cuda:nccl" if with_host else "nccl") if is_gpu else "gloo",
        init_method=None if store else meeting,
        store=store,
        rank=rank,
        world_size=num_ranks,
        timeout=PATIENCE,
        device_id=torch.device("cuda", torch.cuda.current_device()) if is_gpu else None,
    )
    yield Group(rank, num_ranks, device)
    dist.destroy_process_group()  # where all is well: else a rank may wait there for one that is gone


def why_whole(error: Exception) -> str | None:
    """Say that something does not compute with parts of parameters, where an error of a shared run does so in torch's words."""
    is_shared, told = dist.is_available() and dist.is_initialized(), str(error)
    if not (is_shared and isinstance(error, RuntimeError) and any(words in told for words in _OF_PARTS)):
        return None
    what = (
        "something in this strategy does not compute with parts of parameters, which is all that shard leaves a device"
    )
    return f"{what}: {first_line(error)}"


_OF_PARTS = ("DTensor", "placement", "Sharding propagation")


def _store_at(place: SplitResult) -> Any:
    from torch.distributed import (  # type: ignore[attr-defined]  # noqa: PLC0415  (there where torch has them, and not declared)
        PrefixStore,
        TCPStore,
    )

    assert place.hostname is not None
    assert place.port is not None
    store = TCPStore(place.hostname, place.port, is_master=False, wait_for_workers=False, timeout=PATIENCE)
    return PrefixStore(place.path, store)
