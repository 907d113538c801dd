"""A GPU over time, sampled by the supervising process: it survives a run that is killed.

Two channels: memory every 15 ms, which costs the driver microseconds; power, clocks and the
like every 250 ms. Processes and energy are asked for only where a phase begins or ends, since
that takes milliseconds under a lock that every kernel launch needs. No call is waited for by
the run: a driver that hangs costs its samples.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, Self

from bench.executors.timeline import Look, Timeline
from bench.measuring.nvml import NvmlDevice
from bench.measuring.timeouts import DRIVER_TIMEOUT_SECONDS
from bench.records.record import Flag

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bench.measuring.nvml import DeviceMemory, DeviceProcess, DeviceState
    from bench.records.readings import DeviceActivity, PhasePeak

__all__ = ["Device", "DeviceSampler", "sampled"]

MEMORY_SECONDS = 0.015
"""torch's allocator seldom gives memory back, so that used memory is a rising staircase."""
STATE_SECONDS = 0.25
JOIN_SECONDS = 2.0


class Device(Protocol):
    """What a sampler reads: a device that never raises, but may never answer."""

    @property
    def flags(self) -> tuple[Flag, ...]:
        """What it does not answer, and why."""
        ...

    def memory(self) -> DeviceMemory | None:
        """Read the memory now."""
        ...

    def state(self) -> DeviceState:
        """Read power, clock and the like now."""
        ...

    def energy_joules(self) -> float | None:
        """Read the counter of the energy used."""
        ...

    def processes(self) -> tuple[DeviceProcess, ...] | None:
        """List who computes on the device."""
        ...


class DeviceSampler:
    """Reads a device in two threads while its context is open. What was read is there once it is closed."""

    def __init__(
        self,
        open_device: Callable[[], Device],
        *,
        memory_seconds: float = MEMORY_SECONDS,
        state_seconds: float = STATE_SECONDS,
    ) -> None:
        """Prepare to open the device, in a thread: that alone may hang."""
        self._open_device, self._memory_seconds, self._state_seconds = open_device, memory_seconds, state_seconds
        self._device: Device | None = None
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
        """Take the baseline and look who is there already, unless the driver hangs."""
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
        """The doubts about what was read."""
        flags = self._device.flags if self._device else ()
        if self._stop.is_set() and any(thread.is_alive() for thread in self._threads):
            message = "a call into NVML did not return: what it says of the GPU is missing or incomplete"
            flags = (*flags, Flag(code="nvml-hung", message=message))
        return flags

    def watch(self, pid: int | None) -> None:
        """Say which process is the run's own."""
        self._pid = pid

    def enter(self, phase: str, at: float) -> None:
        """Count what follows the moment `at` of the monotonic clock to another phase of the run."""
        self._timeline.enter(phase, at)
        self._wake.set()

    def readings(self) -> dict[str, Any]:
        """Give the fields of a `bench.records.record.Memory`: of training if it came to that, else of all before it."""
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
        """Add to the peak of each phase that of the device."""
        return tuple(
            it.model_copy(update={"nvml_used_peak_bytes": self._timeline.peak_bytes(it.phase)}) for it in phases
        )

    def activity(self) -> DeviceActivity | None:
        """Summarise what the device did in training; None where it never answered."""
        return None if self._baseline is None else self._timeline.activity()

    def _watch_memory(self) -> None:
        device = self._open_device()
        self._baseline = device.memory()
        self._device = device
        self._is_open.set()
        while (memory := device.memory()) is not None:
            self._timeline.add_memory(time.monotonic(), memory.used_bytes)
            if self._stop.wait(self._memory_seconds):
                return

    def _watch_state(self) -> None:
        """Look around at the start, whenever the run turns to something else, and at the end."""
        self._is_open.wait()
        device = self._device
        assert device is not None
        self._look(device)
        self._is_ready.set()
        while not self._stop.is_set():
            if not self._wake.wait(self._state_seconds):
                self._timeline.add_state(time.monotonic(), device.state())
            elif not self._stop.is_set():
                self._wake.clear()
                self._look(device)
        self._look(device)

    def _look(self, device: Device) -> None:
        at, joules = time.monotonic(), device.energy_joules()
        found = device.processes()
        own = [it for it in found or () if it.pid == self._pid]
        is_disguised = self._pid is not None and not own and not self._stop.is_set()
        foreign = None if found is None else len(found) - len(own)
        if foreign and is_disguised:  # in a container the run's own process has another number
            foreign -= 1
        self._timeline.add_look(Look(at, joules, foreign, own[0].used_bytes if own else None))


@contextmanager
def sampled(uuid: str | None) -> Iterator[DeviceSampler | None]:
    """Sample a leased GPU; nothing on a CPU."""
    if uuid is None:
        yield None
        return
    with DeviceSampler(partial(NvmlDevice, uuid)) as sampler:
        yield sampler
