"""From the settings of a run to the rows of each of its steps."""

from __future__ import annotations

import math
from itertools import count
from typing import TYPE_CHECKING

from bench.errors import UsageError
from bench.experiment.bounds import MAX_STEPS
from bench.training.trainer import Schedule
from bench.workload.data.batches import longest_batch, ordered_batches

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from bench.experiment.spec import RunSpec
    from bench.workload.data.dataset import Split

__all__ = ["dry_schedule", "schedule_of"]


def schedule_of(spec: RunSpec, split: Split) -> Schedule:
    """Draw all batches of a run: a function of the data, the seed, the batch size and the length of the run.

    Raises:
        UsageError: the epochs are more steps than a run may have.

    """
    num_steps = spec.steps or spec.epochs * math.ceil(len(split.lengths) / spec.batch_size)
    if num_steps > MAX_STEPS:
        raise UsageError(
            f"--epochs {spec.epochs} of {len(split.lengths)} rows are {num_steps} steps; a run has {MAX_STEPS} at most"
        )
    return _schedule(spec, list(_epochs(spec, split)))


def dry_schedule(spec: RunSpec, split: Split) -> Schedule:
    """Take a single step on the longest rows, which need the most memory."""
    return _schedule(spec, [[longest_batch(split.lengths, spec.batch_size)]], points=1)


def _schedule(spec: RunSpec, epochs: list[list[NDArray[np.int64]]], points: int | None = None) -> Schedule:
    num_steps, points = sum(map(len, epochs)), points or spec.evaluations
    # The last point is the evaluation of the finished model.
    return Schedule(
        epochs=epochs,
        warmup_ratio=spec.warmup_ratio,
        max_grad_norm=spec.max_grad_norm,
        evaluate_after=frozenset(round(num_steps * k / points) for k in range(1, points)) - {0, num_steps},
    )


def _epochs(spec: RunSpec, split: Split) -> list[list[NDArray[np.int64]]]:
    epochs: list[list[NDArray[np.int64]]] = []
    left = spec.steps
    for epoch in count():
        if left == 0 or (left is None and epoch == spec.epochs):
            break
        batches = ordered_batches(split.lengths, spec.batch_size, seed=spec.seed, epoch=epoch)[:left]
        epochs.append(batches)
        left = None if left is None else left - len(batches)
    return epochs
