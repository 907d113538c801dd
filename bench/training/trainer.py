"""The training loop: the only one, whatever the strategy."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from torch.optim.lr_scheduler import LambdaLR

from bench.errors import Diverged
from bench.measuring.clock import open_clock
from bench.training.set_up import set_up
from bench.training.step import take_step
from bench.training.target import kind_of
from bench.training.together import together
from bench.training.trained import Tally

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from numpy.typing import NDArray

    from bench.plan.phases import Phases
    from bench.plan.train_plan import LrSchedule
    from bench.plan.view import Trainable
    from bench.training.checkpoints import Checkpoints
    from bench.training.prepared import Prepared
    from bench.training.trained import Trained
    from bench.workload.data.dataset import Split

__all__ = ["Schedule", "steps", "train"]

CHECK_EVERY = 16
"""Steps between looks at the loss on a GPU, where each look waits for the device."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """What is trained on when; the same for every strategy of a comparison."""

    epochs: Sequence[Sequence[NDArray[np.int64]]]
    """The row numbers of each step of each epoch."""
    warmup_ratio: float = 0.1
    max_grad_norm: float = 1.0
    evaluate_after: frozenset[int] = frozenset()
    """Numbers of finished steps after which the learning curve gets a point."""

    @property
    def num_steps(self) -> int:
        """The optimizer steps of the whole run."""
        return sum(map(len, self.epochs))

    @property
    def batches(self) -> Iterator[NDArray[np.int64]]:
        """The rows of every optimizer step, in order."""
        return chain.from_iterable(self.epochs)

    @property
    def rows(self) -> NDArray[np.int64]:
        """Every row that is trained on, once, in the order of the split."""
        return np.unique(np.concatenate(list(self.batches)))

    def turns(self, phases: Phases) -> dict[int, Trainable]:
        """What trains from which step on: of the first step, and of every step that changes it."""
        found: dict[int, Trainable] = {}
        last = None
        for step, epoch in enumerate(epoch for epoch, batches in enumerate(self.epochs) for _ in batches):
            if (part := phases.at(step, self.num_steps, epoch)) != last:
                found[step] = last = part
        return found

    @property
    def num_warmup_steps(self) -> int:
        """The steps in which the rate rises from zero."""
        return math.ceil(self.warmup_ratio * self.num_steps)

    def share_of_rate(self, step: int, *, kind: LrSchedule) -> float:
        """The share of the peak rate in a 0-based step: up from zero in a line, then as `kind` says.

        As transformers has it, whose own functions would import peft, and all that peft looks for.
        """
        if step < self.num_warmup_steps:
            return step / max(1, self.num_warmup_steps)
        if kind == "constant":
            return 1.0
        num_left = max(1, self.num_steps - self.num_warmup_steps)
        if kind == "linear":
            return max(0.0, (self.num_steps - step) / num_left)
        return max(0.0, 0.5 * (1.0 + math.cos(math.pi * ((step - self.num_warmup_steps) / num_left))))


def train(
    prepared: Prepared,
    split: Split,
    schedule: Schedule,
    *,
    on_step: Callable[[int, float | None, float], None],
    on_point: Callable[[int, float], None],
    checkpoints: Checkpoints | None = None,
) -> Trained:
    """Train, telling `on_step` (steps done, last loss that is known, seconds) and `on_point` (steps done, seconds).

    Where there are `checkpoints`, it begins after the steps of the one that is there, and writes another when one is due.

    Raises:
        Diverged: the loss is not finite.

    """
    loop = steps(prepared, split, schedule, on_point=on_point, checkpoints=checkpoints)
    while True:
        try:
            done = next(loop)
        except StopIteration as end:
            return cast("Trained", end.value)
        on_step(*done)


def steps(
    prepared: Prepared,
    split: Split,
    schedule: Schedule,
    *,
    on_point: Callable[[int, float], None],
    checkpoints: Checkpoints | None = None,
) -> Generator[tuple[int, float | None, float], None, Trained]:
    """Train, and yield after every step what `train` tells `on_step`; the first step sets up what comes before it.

    Raises:
        Diverged: the loss is not finite.

    """
    device = prepared.device
    clock = open_clock(device)
    scheduler = LambdaLR(prepared.optimizer, partial(schedule.share_of_rate, kind=prepared.plan.lr_schedule))
    turns = schedule.turns(prepared.plan.phases)
    clock.start()
    before = set_up(prepared, split, schedule.rows, schedule.batches)
    clock.bill(before.owed_seconds)
    clock.stop()
    tally = Tally(clock=clock, set_up=before, set_up_seconds=clock.seconds)
    if checkpoints:
        checkpoints.go_on(tally, scheduler)
    for rows in islice(schedule.batches, tally.num_steps, None):
        clock.start()
        if (step := tally.num_steps) in turns:
            prepared.let_train(turns[step])
        taken = take_step(
            prepared,
            split,
            rows,
            step=step,
            num_steps=schedule.num_steps,
            max_grad_norm=schedule.max_grad_norm,
            mark=clock.split,
        )
        if not prepared.precision.was_skipped():
            scheduler.step()
        clock.lap("optimizer")
        tally.add(taken, len(rows))
        done = step + 1
        looked = done == 1 or done % CHECK_EVERY == 0 or kind_of(device) == "cpu"
        if looked:
            _check(tally.losses[-CHECK_EVERY:], done)
        yield done, float(taken.loss) if looked else None, clock.seconds
        if done in schedule.evaluate_after:
            clock.stop()
            on_point(done, clock.seconds)
            prepared.training_mode()
        if checkpoints and checkpoints.is_due(done):
            clock.stop()
            checkpoints.write(tally, scheduler)
    clock.stop()
    _check(tally.losses[-CHECK_EVERY:], tally.num_steps)
    return together(tally.trained(), prepared.parallel)


def _check(losses: Sequence[torch.Tensor], step: int) -> None:
    """Stop at a loss that is not finite."""
    values = torch.stack(list(losses)).tolist() if losses else []
    for position, value in enumerate(values):
        if not math.isfinite(value):
            at = step - len(values) + position + 1
            why = "a lower learning rate (--lr) or fp32 may train"
            if at == 1:  # a loss of the weights as they came
                why = "no rate has changed a weight by then: use a checkpoint whose weights are finite, or fp32"
            raise Diverged(f"the loss is {value} at step {at}; {why}")
