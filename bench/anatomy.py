"""A few more steps after training, taken apart: what of a step is data, forward, backward and optimizer.

The loop is the trainer's own; what it calls starts another part of a stopwatch, which waits for
the device. So the timed steps are never disturbed. The pass comes after the model was
evaluated, and at a rate of zero, since it goes on with the very model and optimizer.
"""

from __future__ import annotations

import time
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from bench.precision import Precision
from bench.prepared import Prepared
from bench.readings import StepParts
from bench.trainer import train

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractContextManager

    from numpy.typing import NDArray
    from torch import nn
    from torch.optim import Optimizer

    from bench.forward.batch import Batch
    from bench.trainer import Schedule
    from bench.workload.data import Split

__all__ = ["step_parts", "typical_steps"]

BUDGET_SECONDS = 0.5
"""For all steps of the pass; the first is taken in any case."""
MAX_STEP_SECONDS = 6.0
"""Of a step that is still worth another one."""
MAX_STEPS = 8
MIN_STEPS_TO_WARM_UP = 3
"""From so many steps on, the first is not counted."""


def step_parts(prepared: Prepared, split: Split, schedule: Schedule, step_seconds: float) -> StepParts | None:
    """Take apart as many steps of about the median length as fit into half a second, or one; None where one takes too long.

    Args:
        prepared: Has trained, and trains on.
        split: That it trained on.
        schedule: Of the whole run.
        step_seconds: What a step takes.

    """
    if step_seconds > MAX_STEP_SECONDS:
        return None
    num_steps = int(np.clip(BUDGET_SECONDS / step_seconds, 1, MAX_STEPS))
    steps = typical_steps(split.lengths, schedule, num_steps)
    watch = _Stopwatch(prepared.device)
    timed = _timed(prepared, watch)
    for group in timed.optimizer.param_groups:
        group["lr"] = group["initial_lr"] = 0.0

    def on_step(done: int, _loss: float | None, _seconds: float) -> None:
        if done == 1 and len(steps) >= MIN_STEPS_TO_WARM_UP:
            watch.seconds.clear()

    short = replace(schedule, epochs=[steps], evaluate_after=frozenset())
    train(timed, split, short, on_step=on_step, on_point=lambda _step, _seconds: None)
    num_counted = len(steps) - (len(steps) >= MIN_STEPS_TO_WARM_UP)
    means = {name: watch.seconds.get(name, 0.0) / num_counted for name in ("data", "forward", "backward", "optimizer")}
    return StepParts(**means, num_steps=num_counted)


def typical_steps(lengths: NDArray[np.int64], schedule: Schedule, num_steps: int) -> list[NDArray[np.int64]]:
    """Pick the steps whose numbers of tokens are nearest to the median."""
    steps = [rows for epoch in schedule.epochs for rows in epoch]
    tokens = np.array([lengths[rows].sum() for rows in steps])
    return [steps[index] for index in np.argsort(abs(tokens - np.median(tokens)), kind="stable")[:num_steps]]


class _Stopwatch:
    """Adds up seconds by part; one part runs at a time."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._part, self._since = "", time.perf_counter()
        self.seconds: dict[str, float] = {}

    def turn_to(self, part: str) -> None:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        now = time.perf_counter()
        self.seconds[self._part] = self.seconds.get(self._part, 0.0) + now - self._since
        self._part, self._since = part, now


def _timed(prepared: Prepared, watch: _Stopwatch) -> _TimedPrepared:
    parts: dict[str, Any] = {field.name: getattr(prepared, field.name) for field in fields(prepared)}
    # A hook is promised one call per step of the run, and no more.
    timed = _TimedPrepared(**parts | {"precision": _TimedPrecision(prepared.precision, watch), "after_step": ()})
    timed.watch = watch
    return timed


class _TimedPrepared(Prepared):
    """Goes on where training ended: nothing is set up, and no layer begins to train."""

    watch: _Stopwatch

    def set_up(self, _split: Split, _rows: NDArray[np.int64], *, first: NDArray[np.int64]) -> float:  # noqa: ARG002
        return 0.0

    def begin_epoch(self, _epoch: int) -> None:
        self.training_mode()

    def batch(self, split: Split, rows: Any) -> Batch:
        self.watch.turn_to("data")
        batch = super().batch(split, rows)
        self.watch.turn_to("")
        return batch


class _TimedPrecision(Precision):
    """Shares the scaler of the run, and counts skipped steps for itself."""

    def __init__(self, inner: Precision, watch: _Stopwatch) -> None:
        vars(self).update(vars(inner))
        self._watch = watch

    def forward(self) -> AbstractContextManager[object]:
        self._watch.turn_to("forward")
        return super().forward()

    def backward(self, loss: torch.Tensor) -> None:
        self._watch.turn_to("backward")
        super().backward(loss)
        self._watch.turn_to("")

    def step(self, optimizer: Optimizer, params: Iterable[nn.Parameter], max_norm: float) -> bool:
        self._watch.turn_to("optimizer")
        is_done = super().step(optimizer, params, max_norm)
        self._watch.turn_to("")
        return is_done
