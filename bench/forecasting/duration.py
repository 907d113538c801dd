"""How long steps and runs take, from what they compute, move and start: always a pair, at least and at most.

A step takes no less than the slowest of its three parts, each at the best rate of the device, were they all to overlap;
and no more than their sum, each at the poorest rate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench.measuring.datasheets import Arithmetic

__all__ = ["UNKNOWN", "Bounds", "RunWork", "Speed", "StepWork", "run_seconds", "step_seconds", "training_seconds"]


class Bounds(NamedTuple):
    """The least and the most that something can be."""

    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """How fast a device is."""

    flops_per_second: Mapping[Arithmetic, Bounds]
    """Of the matmuls of a training."""
    bytes_per_second: Bounds
    """Read from memory or written to it, together."""
    launch_seconds: Bounds
    """From the start of one operation to that of the next, by the program that starts them."""


UNKNOWN = Speed(flops_per_second={}, bytes_per_second=Bounds(0, math.inf), launch_seconds=Bounds(0, math.inf))
"""Of a device that nobody has measured: it has a rate for no arithmetic, so that no time is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepWork:
    """What one step does, or one pass over a batch."""

    flops: Mapping[Arithmetic, float]
    """Of matmuls, with what is recomputed, by what they are computed in."""
    bytes_moved: float
    """That operations read and write, each as if it found nothing in a cache."""
    launches: float
    """Operations that compute; views and allocations do not."""

    def times(self, factor: float) -> StepWork:
        """Return the work of a batch that is `factor` times as long: what is computed and moved grows with it."""
        flops = {kind: factor * number for kind, number in self.flops.items()}
        return StepWork(flops=flops, bytes_moved=factor * self.bytes_moved, launches=self.launches)

    def toward(self, other: StepWork, steps: float) -> StepWork:
        """Go on by `steps` times what `other` does more: from two models of few layers to one of many."""
        return self.plus(other, less=self, times=steps)

    def plus(self, other: StepWork, *, less: StepWork, times: float) -> StepWork:
        """Add `times` what `other` does more than `less`, as of a pass that is taken more often than it was counted."""

        def line(own: float, more: float, few: float) -> float:
            return max(0.0, own + (more - few) * times)

        kinds = self.flops.keys() | other.flops.keys() | less.flops.keys()
        return StepWork(
            flops={kind: line(*(one.flops.get(kind, 0) for one in (self, other, less))) for kind in kinds},
            bytes_moved=line(self.bytes_moved, other.bytes_moved, less.bytes_moved),
            launches=line(self.launches, other.launches, less.launches),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RunWork:
    """What a whole run does."""

    step: StepWork
    """Of mean length."""
    num_steps: int
    whole_pass: StepWork
    """Of the whole model forward."""
    num_filling_passes: float = 0
    """That fill a cache, as a part of training."""
    num_evaluation_passes: float = 0
    """Over all evaluations."""
    loaded_bytes: float = 0
    """Of weights, from a disk."""


START_SECONDS = Bounds(0.3, 20.0)
"""To begin a process and import libraries: forked from one that has them, or on a cold machine."""
DISK_BYTES_PER_SECOND = Bounds(0.2e9, 5e9)
"""From a disk in the network to a cache in memory."""


def step_seconds(work: StepWork, speed: Speed) -> Bounds | None:
    """Return the least and the most seconds of a step; None where the device has no rate for its arithmetic."""
    if not work.flops.keys() <= speed.flops_per_second.keys():
        return None
    rates = {kind: speed.flops_per_second[kind] for kind in work.flops}
    best = (
        sum(number / rates[kind].high for kind, number in work.flops.items()),
        work.bytes_moved / speed.bytes_per_second.high,
        work.launches * speed.launch_seconds.low,
    )
    poorest = (
        sum(number / rates[kind].low for kind, number in work.flops.items()),
        work.bytes_moved / speed.bytes_per_second.low,
        work.launches * speed.launch_seconds.high,
    )
    return Bounds(max(best), sum(poorest))


def training_seconds(work: RunWork, speed: Speed) -> Bounds | None:
    """Return the least and the most seconds of a training, a cache filled; None as `step_seconds`."""
    step, whole_pass = step_seconds(work.step, speed), step_seconds(work.whole_pass, speed)
    if step is None or whole_pass is None:
        return None
    low, high = (
        work.num_steps * of_step + work.num_filling_passes * of_pass
        for of_step, of_pass in zip(step, whole_pass, strict=True)
    )
    return Bounds(low, high)


def run_seconds(work: RunWork, speed: Speed) -> Bounds | None:
    """Return the least and the most seconds of a run: start, loading, training and evaluation; None as `step_seconds`."""
    training, whole_pass = training_seconds(work, speed), step_seconds(work.whole_pass, speed)
    if training is None or whole_pass is None:
        return None
    loading = Bounds(work.loaded_bytes / DISK_BYTES_PER_SECOND.high, work.loaded_bytes / DISK_BYTES_PER_SECOND.low)
    parts = zip(START_SECONDS, loading, training, whole_pass, strict=True)
    low, high = (start + load + train + work.num_evaluation_passes * of_pass for start, load, train, of_pass in parts)
    return Bounds(low, high)
