"""Clocks for training steps: the billed time of a run, and the time of each step and of its parts.

On a GPU the work of a step ends after the call that started it. The device is synchronised
only where billed time starts and stops; between, CUDA events on its stream mark steps
and their parts, so that timing never stalls what it times.
"""

from __future__ import annotations

import time
from itertools import pairwise
from typing import Any

import torch

__all__ = ["StepClock", "open_clock"]

Mark = Any
"""A moment, on a GPU an event of CUDA."""


class StepClock:
    """Times training: `start`, a `split` after each part of a step, a `lap` after its last, `stop` before anything unbilled.

    This one times steps on the CPU.
    """

    def __init__(self) -> None:
        self._seconds = 0.0
        self._since: float | None = None
        self._marks: list[tuple[str, Mark]] = []
        """The start of the present step, and the ends of its parts so far."""
        self._laps: list[list[tuple[str, Mark]]] = []

    @property
    def seconds(self) -> float:
        """Billed time so far; while the clock runs on a GPU, as the host sees it."""
        return self._seconds + (time.perf_counter() - self._since if self._since is not None else 0.0)

    def start(self) -> None:
        """Start billing, unless the clock runs already."""
        if self._since is None:
            self._synchronize()
            self._since = time.perf_counter()
            self._marks = [("", self._now())]

    def stop(self) -> None:
        """Stop billing once the device has finished its work."""
        if self._since is not None:
            self._synchronize()
            self._seconds += time.perf_counter() - self._since
            self._since = None

    def bill(self, seconds: float) -> None:
        """Bill time that was spent elsewhere for this run."""
        self._seconds += seconds

    def split(self, part: str) -> None:
        """End a part of the step; a step may have several of one name."""
        self._marks.append((part, self._now()))

    def lap(self, part: str) -> None:
        """End the step and its last part; the next step begins."""
        self.split(part)
        self._laps.append(self._marks)
        self._marks = self._marks[-1:]

    def laps(self) -> tuple[float, ...]:
        """Return the seconds of every step so far; the clock must be stopped."""
        return tuple(self._between(marks[0][1], marks[-1][1]) for marks in self._laps)

    def parts(self) -> tuple[dict[str, float], ...]:
        """Return the seconds of every step so far by part, which add up to the step; the clock must be stopped."""
        return tuple(map(self._add_up, self._laps))

    def _add_up(self, marks: list[tuple[str, Mark]]) -> dict[str, float]:
        sums: dict[str, float] = {}
        for (_, before), (part, after) in pairwise(marks):
            sums[part] = sums.get(part, 0.0) + self._between(before, after)
        return sums

    def _now(self) -> Mark:
        """Mark this moment, on a GPU the one at which the work queued so far is finished."""
        return time.perf_counter()

    def _between(self, before: Mark, after: Mark) -> float:
        """Return the seconds from one mark to another."""
        seconds: float = after - before
        return seconds

    def _synchronize(self) -> None:
        """Wait until the device is idle."""


class CudaClock(StepClock):
    """Times steps on a GPU by events on its current stream."""

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

    def _synchronize(self) -> None:
        torch.cuda.synchronize(self._device)


def open_clock(device: torch.device) -> StepClock:
    """Return a clock for `device`."""
    return CudaClock(device) if device.type == "cuda" else StepClock()
