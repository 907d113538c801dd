"""Device memory over time, sampled by the supervising process: it survives a run that is killed."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol, Self

from bench.probes.nvml import NvmlDevice
from bench.record import Flag

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.probes.nvml import DeviceMemory

__all__ = ["DeviceSampler", "MemorySource", "sampled"]

PERIOD_SECONDS = 0.015
"""torch's allocator seldom gives memory back, so that used memory is a rising staircase."""
JOIN_SECONDS = 2.0


class MemorySource(Protocol):
    """What a sampler reads: a device that never raises."""

    @property
    def flag(self) -> Flag | None:
        """Why it does not answer any more."""
        ...

    def memory(self) -> DeviceMemory | None:
        """Read the memory now."""
        ...


class DeviceSampler:
    """Reads the memory of a device in a thread, and keeps the peak of every phase of the run."""

    def __init__(self, source: MemorySource, *, period_seconds: float = PERIOD_SECONDS) -> None:
        """Take the baseline; the thread starts with the context."""
        self._source, self._period_seconds = source, period_seconds
        self._baseline = source.memory()
        self._phase = ""
        self._peaks: dict[str, int] = {}
        self._num_samples, self._max_gap_seconds = 0, 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="device-memory", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(JOIN_SECONDS)

    @property
    def flag(self) -> Flag | None:
        """The doubt about the numbers, if there is one."""
        if self._stop.is_set() and self._thread.is_alive():
            return Flag(code="nvml", message="NVML hung: what it says of GPU memory is missing or incomplete")
        return self._source.flag

    def enter(self, phase: str) -> None:
        """Count what follows to another phase of the run."""
        self._phase = phase

    def readings(self) -> dict[str, Any]:
        """Give the fields of a `bench.record.Memory`: of training if it came to that, else of all before it."""
        if self._baseline is None or not self._peaks:
            return {}
        peak = self._peaks.get("train", max(self._peaks.values()))
        return {
            "nvml_used_peak_bytes": peak,
            "nvml_baseline_bytes": self._baseline.used_bytes,
            "nvml_delta_bytes": max(peak - self._baseline.used_bytes, 0),
            "nvml_reserved_bytes": self._baseline.reserved_bytes,
            "nvml_num_samples": self._num_samples,
            "nvml_max_gap_seconds": self._max_gap_seconds,
            "method": self._baseline.method,
        }

    def _loop(self) -> None:
        last = time.monotonic()
        while (memory := self._source.memory()) is not None:
            now = time.monotonic()
            self._max_gap_seconds, last = max(self._max_gap_seconds, now - last), now
            self._num_samples += 1
            self._peaks[self._phase] = max(memory.used_bytes, self._peaks.get(self._phase, 0))
            if self._stop.wait(self._period_seconds):
                return


@contextmanager
def sampled(uuid: str | None) -> Iterator[DeviceSampler | None]:
    """Sample the memory of a leased GPU; nothing on a CPU."""
    if uuid is None:
        yield None
        return
    with DeviceSampler(NvmlDevice(uuid)) as sampler:
        yield sampler
