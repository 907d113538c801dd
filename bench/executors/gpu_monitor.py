"""Samples a GPU over time from the supervising process, so that readings survive a run that is killed.

Two channels: memory every 15 ms, which costs the driver microseconds; power, clocks and the
like every 250 ms. Processes and energy are read only where a phase begins or ends, since
that takes milliseconds under a lock that every kernel launch needs. The run waits for none of
these calls: if the driver hangs, only samples are missing.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from bench.executors.timeline import PhaseReading, Timeline
from bench.measuring.nvml import NvmlDevice
from bench.measuring.timeouts import DRIVER_TIMEOUT_SECONDS
from bench.records.record import Flag

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bench.measuring.nvml import DeviceMemory
    from bench.records.readings import DeviceActivity, PhasePeak

__all__ = ["DeviceSampler", "sampled"]

MEMORY_SECONDS = 0.015
"""Short enough: torch's allocator seldom frees memory, so that used memory mostly rises in steps."""
STATE_SECONDS = 0.25
JOIN_SECONDS = 2.0


class DeviceSampler:
    """Reads a device in two threads while its context is open; the readings are complete once it is closed."""

    def __init__(self, open_device: Callable[[], NvmlDevice]) -> None:
        """Keep `open_device` for a thread, since opening may hang."""
        self._open_device = open_device
        self._device: NvmlDevice | None = None
        self._baseline: DeviceMemory | None = None
        self._pid: int | None = None
        self._timeline = Timeline()
        self._is_open, self._is_ready = threading.Event(), threading.Event()
        self._wake, self._stop = threading.Event(), threading.Event()
        self._threads = [
            threading.Thread(target=loop, name=f"device-{loop.__name__}", daemon=True)
            for loop in (self._watch_memory, self._watch_state)
        ]

    def __enter__(self) -> Self:
        """Read the baseline and the processes that are there already, unless the driver hangs."""
        for thread in self._threads:
            thread.start()
        self._is_ready.wait(DRIVER_TIMEOUT_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        self._timeline.end(time.monotonic())
        self._stop.set()
        self._wake.set()
        until = time.monotonic() + JOIN_SECONDS
        for thread in self._threads:
            thread.join(max(until - time.monotonic(), 0))

    @property
    def flags(self) -> tuple[Flag, ...]:
        """The doubts about the readings."""
        flags = self._device.flags if self._device else ()
        if self._stop.is_set() and any(thread.is_alive() for thread in self._threads):
            message = "a call into NVML did not return: what it says of the GPU is missing or incomplete"
            flags = (*flags, Flag(code="nvml-hung", message=message))
        return flags

    def watch(self, pid: int | None) -> None:
        """Set the pid of the run's own process."""
        self._pid = pid

    def enter(self, phase: str, at: float) -> None:
        """Begin another phase of the run at the moment `at` of the monotonic clock."""
        self._timeline.enter(phase, at)
        self._wake.set()

    def readings(self) -> dict[str, Any]:
        """Return fields of `bench.records.record.Memory`: of training if the run reached it, else of all before it."""
        timeline = self._timeline
        in_training = timeline.peak_bytes("train")
        peak = timeline.peak_bytes() if in_training is None else in_training
        if self._baseline is None or peak is None:
            return {}
        return {
            "nvml_used_peak_bytes": peak,
            "nvml_baseline_bytes": self._baseline.used_bytes,
            "nvml_delta_bytes": max(peak - self._baseline.used_bytes, 0),
            "nvml_reserved_bytes": self._baseline.reserved_bytes,
            "nvml_num_samples": timeline.num_samples,
            "nvml_max_gap_seconds": timeline.max_gap_seconds,
            "nvml_process_bytes": timeline.own_bytes(),
            "method": self._baseline.method,
        }

    def with_device(self, phases: tuple[PhasePeak, ...]) -> tuple[PhasePeak, ...]:
        """Add the device's peak to each phase."""
        return tuple(
            it.model_copy(update={"nvml_used_peak_bytes": self._timeline.peak_bytes(it.phase)}) for it in phases
        )

    def activity(self) -> DeviceActivity | None:
        """Summarise what the device did in training; None where it was never read."""
        return None if self._baseline is None else self._timeline.activity()

    def _watch_memory(self) -> None:
        device = self._open_device()
        self._baseline = device.memory()
        self._device = device
        self._is_open.set()
        while (memory := device.memory()) is not None:
            self._timeline.add_memory(time.monotonic(), memory.used_bytes)
            if self._stop.wait(MEMORY_SECONDS):
                return

    def _watch_state(self) -> None:
        """Sample the state; read processes and energy at the start, at every new phase and at the end."""
        self._is_open.wait()
        device = self._device
        assert device is not None
        self._read_between_phases(device)
        self._is_ready.set()
        while not self._stop.is_set():
            if not self._wake.wait(STATE_SECONDS):
                self._timeline.add_state(time.monotonic(), device.state())
            elif not self._stop.is_set():
                self._wake.clear()
                self._read_between_phases(device)
        self._read_between_phases(device)

    def _read_between_phases(self, device: NvmlDevice) -> None:
        at, joules = time.monotonic(), device.energy_joules()
        found = device.processes()
        own = [it for it in found or () if it.pid == self._pid]
        is_hidden = self._pid is not None and not own and not self._stop.is_set()
        foreign = None if found is None else len(found) - len(own)
        if foreign and is_hidden:  # in a container, the run's own process has another pid on the host
            foreign -= 1
        self._timeline.add_reading(PhaseReading(at, joules, foreign, own[0].used_bytes if own else None))


@contextmanager
def sampled(uuid: str | None) -> Iterator[DeviceSampler | None]:
    """Sample a leased GPU while the context is open; yields None on a CPU."""
    if uuid is None:
        yield None
        return
    with DeviceSampler(partial(NvmlDevice, uuid)) as sampler:
        yield sampler
