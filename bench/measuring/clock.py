"""Clocks for training steps: what a run bills, how long each of its steps took, and which part of it how long.

On a GPU the work of a step ends after the call that started it. The device is synchronised
only where a stretch of training begins and ends; between, events on its own stream mark steps
and their parts, so that timing never stalls what it times.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from itertools import pairwise
from typing import Generic, TypeVar

import torch

__all__ = ["StepClock", "open_clock"]

Mark = TypeVar("Mark")


class StepClock(ABC, Generic[Mark]):
    """Runs while training runs: `start`, a `split` after each part of a step, a `lap` after its last, `stop` before anything unbilled."""

    def __init__(self) -> None:
        self._seconds = 0.0
        self._since: float | None = None
        self._marks: list[tuple[str, Mark]] = []
        """Where the step that runs began, and the ends of its parts so far."""
        self._laps: list[list[tuple[str, Mark]]] = []

    @property
    def seconds(self) -> float:
        """Billed time so far; while the clock runs on a GPU, of the host's side."""
        return self._seconds + (time.perf_counter() - self._since if self._since is not None else 0.0)

    def start(self) -> None:
        """Begin a billed stretch, or go on with the present one."""
        if self._since is None:
            self._settle()
            self._since = time.perf_counter()
            self._marks = [("", self._now())]

    def stop(self) -> None:
        """End the billed stretch once the device has done all of its work."""
        if self._since is not None:
            self._settle()
            self._seconds += time.perf_counter() - self._since
            self._since = None

    def bill(self, seconds: float) -> None:
        """Add time that was spent elsewhere on what this run uses."""
        self._seconds += seconds

    def split(self, part: str) -> None:
        """This part of a step is over; a step may have many of one name."""
        self._marks.append((part, self._now()))

    def lap(self, part: str) -> None:
        """A step is over, with this part its last; the next begins."""
        self.split(part)
        self._laps.append(self._marks)
        self._marks = self._marks[-1:]

    def laps(self) -> tuple[float, ...]:
        """Seconds of every step so far; the clock must be stopped."""
        return tuple(self._between(marks[0][1], marks[-1][1]) for marks in self._laps)

    def parts(self) -> tuple[dict[str, float], ...]:
        """Seconds of every step so far by part, which together are the whole step; the clock must be stopped."""
        return tuple(map(self._add_up, self._laps))

    def _add_up(self, marks: list[tuple[str, Mark]]) -> dict[str, float]:
        sums: dict[str, float] = {}
        for (_, before), (part, after) in pairwise(marks):
            sums[part] = sums.get(part, 0.0) + self._between(before, after)
        return sums

    @abstractmethod
    def _now(self) -> Mark:
        """Mark this moment, or the one at which the device will be done with what it was given so far."""

    @abstractmethod
    def _between(self, before: Mark, after: Mark) -> float:
        """Seconds from one mark to another."""

    @abstractmethod
    def _settle(self) -> None:
        """Wait until the device has nothing left to do."""


class HostClock(StepClock[float]):
    """For a device that works in step with its host: the CPU."""

    def _now(self) -> float:
        return time.perf_counter()

    def _between(self, before: float, after: float) -> float:
        return after - before

    def _settle(self) -> None:
        pass


class CudaClock(StepClock[torch.cuda.Event]):
    """For a GPU, by events on its current stream."""

    def __init__(self, device: torch.device) -> None:
        super().__init__()
        self._device = device

    def _now(self) -> torch.cuda.Event:
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event

    def _between(self, before: torch.cuda.Event, after: torch.cuda.Event) -> float:
        milliseconds: float = before.elapsed_time(after)
        return milliseconds / 1000

    def _settle(self) -> None:
        torch.cuda.synchronize(self._device)


def open_clock(device: torch.device) -> CudaClock | HostClock:
    """Make the clock that suits `device`."""
    return CudaClock(device) if device.type == "cuda" else HostClock()
