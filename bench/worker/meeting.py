"""The ranks of a run meet: inside the process of each, once it has loaded what it trains."""

from __future__ import annotations

import os
import platform
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
import torch.distributed as dist

from bench.training.parallel.group import joined

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.protocol import Request
    from bench.training.parallel.base import Parallel
    from bench.training.parallel.group import Group

__all__ = ["has_lost_a_peer", "met", "pids_beside"]


@contextmanager
def met(request: Request, device: torch.device, *, with_host: bool) -> Iterator[Group | None]:
    """Meet the other processes of the run; yields None where there is no other.

    Those of one machine share its cores: each computes with its part of torch's threads.

    Args:
        request: Says where, and who this process is.
        device: Trains.
        with_host: Whether they share what lies in the host's memory, too.

    """
    if request.meeting is None:
        yield None
        return
    num = request.spec.num_processes or 1
    with joined(request.meeting, rank=request.rank, num_ranks=num, device=device, with_host=with_host) as group:
        torch.set_num_threads(max(1, torch.get_num_threads() // (1 + len(pids_beside(group)))))
        yield group


def pids_beside(parallel: Parallel | Group) -> list[int]:
    """Return the other ranks' processes on this machine; all ranks must ask."""
    here = (float(os.getpid()), float(zlib.crc32(platform.node().encode())))
    told = parallel.gather(here)
    return [int(pid) for rank, (pid, host) in enumerate(told) if rank != parallel.rank and host == here[1]]


def has_lost_a_peer(error: Exception) -> bool:
    """Whether an error says that another rank did not answer, and nothing of this one."""
    if not (dist.is_available() and dist.is_initialized()):
        return False
    told = str(error)
    return isinstance(error, dist.DistError) or (
        isinstance(error, RuntimeError) and any(word in told for word in _LOST)
    )


_LOST = ("gloo", "Connection closed by peer", "Connection reset by peer", "NCCL")
