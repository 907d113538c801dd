"""Clocks for training steps: what a run bills, and how long each of its steps took.

On a GPU the work of a step ends after the call that started it. The device is synchronised
only where a stretch of training begins and ends; between, events on its own stream mark the
steps, so that timing never stalls what it times.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod

import torch

__all__ = ["StepClock", "open_clock"]


class StepClock(ABC):
    """Runs while training runs: `start`, a `lap` after every step, `stop` before anything unbilled."""

    def __init__(self) -> None:
        self._seconds = 0.0
        self._since: float | None = None

    @property
    def seconds(self) -> float:
        """Billed time so far; while the clock runs on a GPU, of the host's side."""
        return self._seconds + (time.perf_counter() - self._since if self._since is not None else 0.0)

    def start(self) -> None:
        """Begin a billed stretch, or go on with the present one."""
        if self._since is None:
            self._settle()
            self._since = time.perf_counter()
            self._mark()

    def stop(self) -> None:
        """End the billed stretch once the device has done all of its work."""
        if self._since is not None:
            self._settle()
            self._seconds += time.perf_counter() - self._since
            self._since = None

    def bill(self, seconds: float) -> None:
        """Add time that was spent elsewhere on what this run uses."""
        self._seconds += seconds

    @abstractmethod
    def lap(self) -> None:
        """One step is over; the next begins."""

    @abstractmethod
    def laps(self) -> tuple[float, ...]:
        """Seconds of every step so far; the clock must be stopped."""

    @abstractmethod
    def _settle(self) -> None:
        """Wait until the device has nothing left to do."""

    @abstractmethod
    def _mark(self) -> None:
        """Remember this moment as the start of the next lap."""


class HostClock(StepClock):
    """For a device that works in step with its host: the CPU."""

    def __init__(self) -> None:
        super().__init__()
        self._laps: list[float] = []
        self._last = 0.0

    def lap(self) -> None:
        now = time.perf_counter()
        self._laps.append(now - self._last)
        self._last = now

    def laps(self) -> tuple[float, ...]:
        return tuple(self._laps)

    def _settle(self) -> None:
        pass

    def _mark(self) -> None:
        self._last = time.perf_counter()


class CudaClock(StepClock):
    """For a GPU, by events on its current stream."""

    def __init__(self, device: torch.device) -> None:
        super().__init__()
        self._device = device
        self._pairs: list[tuple[torch.cuda.Event, torch.cuda.Event]] = []
        self._last = torch.cuda.Event(enable_timing=True)

    def lap(self) -> None:
        now = torch.cuda.Event(enable_timing=True)
        now.record()
        self._pairs.append((self._last, now))
        self._last = now

    def laps(self) -> tuple[float, ...]:
        return tuple(before.elapsed_time(after) / 1000 for before, after in self._pairs)

    def _settle(self) -> None:
        torch.cuda.synchronize(self._device)

    def _mark(self) -> None:
        self._last = torch.cuda.Event(enable_timing=True)
        self._last.record()


def open_clock(device: torch.device) -> StepClock:
    """Make the clock that suits `device`."""
    return CudaClock(device) if device.type == "cuda" else HostClock()
