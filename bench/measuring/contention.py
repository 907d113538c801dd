"""What disturbed a run on its machine: other guests, other processes, swapping, retries of the allocator."""

from __future__ import annotations

import os
import time
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.measuring import host_memory, torch_memory
from bench.records.readings import HostActivity

if TYPE_CHECKING:
    import torch

__all__ = ["Contention"]

MIN_SECONDS = 1.0
"""The kernel counts ticks of 10 ms: shares of a shorter time would be mostly rounding."""


@dataclass(frozen=True, slots=True)
class _Ticks:
    """Processor time so far, in seconds, summed over all processors."""

    total: float = 0.0
    busy: float = 0.0
    steal: float = 0.0
    own: float = 0.0

    def __add__(self, other: _Ticks) -> _Ticks:
        return _Ticks(*(one + two for one, two in zip(astuple(self), astuple(other), strict=True)))

    def __sub__(self, other: _Ticks) -> _Ticks:
        return _Ticks(*(one - two for one, two in zip(astuple(self), astuple(other), strict=True)))


class Contention:
    """Adds up the disturbances between every `start` and `stop`."""

    def __init__(self, device: torch.device, stat: Path = Path("/proc/stat")) -> None:
        """Watch the whole machine, this process and, on a GPU, torch's allocator on `device`."""
        self._device, self._stat = device, stat
        self._seconds, self._ticks = 0.0, _Ticks()
        self._began: tuple[float, _Ticks | None, tuple[int | None, int | None]] | None = None
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
            self._ticks += after - before

    def activity(self) -> HostActivity:
        """Summarise what was counted; None where the kernel has no counter, or the time was too short."""
        seen = self._ticks
        is_known = seen.total > 0 and self._seconds >= MIN_SECONDS
        others = max(seen.busy - seen.own, 0.0)
        has_all = len(os.sched_getaffinity(0)) == os.cpu_count()  # else others may run on cores that we do not use
        return HostActivity(
            seconds=self._seconds,
            steal_share=min(max(seen.steal / seen.total, 0.0), 1.0) if is_known else None,
            others_share=min(others / seen.total, 1.0) if is_known and has_all else None,
            swapped_bytes=self._troubles[0],
            num_allocator_retries=self._troubles[1],
        )

    def _count(self) -> tuple[int | None, int | None]:
        return host_memory.swapped_bytes(), torch_memory.num_retries(self._device)

    def _read(self) -> _Ticks | None:
        """Read the first line of `/proc/stat`: user, nice, system, idle, iowait, irq, softirq, steal, in ticks."""
        try:
            line = self._stat.read_text().partition("\n")[0]
        except OSError:
            return None
        user, nice, system, idle, iowait, irq, softirq, steal, *_ = (
            int(field) / os.sysconf("SC_CLK_TCK") for field in line.split()[1:]
        )
        busy = user + nice + system + irq + softirq
        own = sum(os.times()[:4])  # with children that have ended: a compiler, say
        return _Ticks(busy + idle + iowait + steal, busy, steal, own)


def _add(so_far: int | None, before: int | None, after: int | None) -> int | None:
    """Add an increase; None where a value is unknown."""
    return None if so_far is None or before is None or after is None else so_far + max(after - before, 0)
