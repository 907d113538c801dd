"""How long steps and runs take, from what they compute, move and start: always a pair, at least and at most.

A step takes no less than the slowest of its three parts, each at the best rate of the device, were they all to overlap;
and no more than their sum, each at the poorest rate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench.measuring.datasheets import Arithmetic

__all__ = ["Bounds", "RunWork", "Speed", "StepWork", "run_seconds", "step_seconds"]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class RunWork:
    """What a whole run does."""

    step: StepWork
    """Of mean length."""
    num_steps: int
    evaluation: StepWork | None = None
    """Of mean length: a forward pass over a batch; None where nothing is evaluated."""
    num_evaluation_steps: int = 0
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


def run_seconds(work: RunWork, speed: Speed) -> Bounds | None:
    """Return the least and the most seconds of a run: start, loading, training and evaluation; None as `step_seconds`."""
    training = step_seconds(work.step, speed)
    evaluation = step_seconds(work.evaluation, speed) if work.evaluation else Bounds(0, 0)
    if training is None or evaluation is None:
        return None
    low, high = (
        work.num_steps * step + work.num_evaluation_steps * pass_over
        for step, pass_over in zip(training, evaluation, strict=True)
    )
    return Bounds(
        START_SECONDS.low + work.loaded_bytes / DISK_BYTES_PER_SECOND.high + low,
        START_SECONDS.high + work.loaded_bytes / DISK_BYTES_PER_SECOND.low + high,
    )
