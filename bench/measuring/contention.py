"""What disturbed a run on its machine: other guests, other processes, swapping, retries of the allocator."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np
import psutil

from bench.measuring import host_memory, torch_memory
from bench.records.readings import HostActivity

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from numpy.typing import NDArray

__all__ = ["Contention"]

MIN_SECONDS = 1.0
"""The kernel counts ticks of 10 ms: shares of a shorter time would be mostly rounding."""


class Contention:
    """Adds up the disturbances between every `start` and `stop`."""

    def __init__(self, device: torch.device, beside: Sequence[int] = ()) -> None:
        """Watch the whole machine, this process and, on a GPU, torch's allocator on `device`.

        Args:
            device: Of the run.
            beside: Other processes of the same run, which must be there until the last `stop`.

        """
        self._device, self._beside = device, tuple(beside)
        self._seconds, self._processor = 0.0, np.zeros(4)
        self._began: tuple[float, NDArray[np.float64] | None, tuple[int | None, int | None]] | None = None
        self._troubles: tuple[int | None, int | None] = (0, 0)
        """Bytes swapped out, and retries of the allocator."""

    def start(self) -> None:
        """Start counting."""
        self._began = time.monotonic(), self._read(), self._count()

    def stop(self) -> None:
        """Stop counting, if it was started."""
        if self._began is None:
            return
        (at, before, counted), after, self._began = self._began, self._read(), None
        self._seconds += time.monotonic() - at
        (swapped, retries), (swapped_before, retries_before) = self._count(), counted
        self._troubles = (
            _add(self._troubles[0], swapped_before, swapped),
            _add(self._troubles[1], retries_before, retries),
        )
        if before is not None and after is not None:
            self._processor += after - before

    def activity(self) -> HostActivity:
        """Summarise what was counted; None where the kernel has no counter, or the time was too short."""
        total, busy, steal, own = self._processor.tolist()
        is_known = total > 0 and self._seconds >= MIN_SECONDS
        others = max(busy - own, 0.0)
        has_all = len(os.sched_getaffinity(0)) == os.cpu_count()  # else others may run on cores that we do not use
        return HostActivity(
            seconds=self._seconds,
            steal_share=min(max(steal / total, 0.0), 1.0) if is_known else None,
            others_share=min(others / total, 1.0) if is_known and has_all else None,
            swapped_bytes=self._troubles[0],
            num_allocator_retries=self._troubles[1],
        )

    def _count(self) -> tuple[int | None, int | None]:
        return host_memory.swapped_bytes(), torch_memory.num_retries(self._device)

    def _read(self) -> NDArray[np.float64] | None:
        """Read the processor time so far, over all processors: in all, busy, stolen and our own, in seconds, (4,)."""
        try:
            cpu = psutil.cpu_times()
        except OSError:
            return None
        busy = cpu.user + cpu.nice + cpu.system + cpu.irq + cpu.softirq
        own = sum(os.times()[:4])  # with children that have ended: a compiler, say
        with suppress(psutil.Error):
            own += sum(sum(psutil.Process(pid).cpu_times()[:4]) for pid in self._beside)
        return np.array([busy + cpu.idle + cpu.iowait + cpu.steal, busy, cpu.steal, own])


def _add(so_far: int | None, before: int | None, after: int | None) -> int | None:
    """Add an increase; None where a value is unknown."""
    return None if so_far is None or before is None or after is None else so_far + max(after - before, 0)
