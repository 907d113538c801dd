"""A few steps of training, with every tensor watched: on tensors without numbers for a forecast, on real ones to hold it against."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from bench.forecasting.passes import of_all_passes, two_at_most
from bench.forecasting.tracker import Tracker, follow
from bench.forecasting.traffic import arithmetic_in, counting
from bench.measuring.torch_memory import held_by_model, held_by_optimizer
from bench.plan.learning_rates import DEFAULT_RATES
from bench.training.forward.cached import TOKENS_AT_ONCE
from bench.training.prepare import prepare
from bench.training.step import take_step
from bench.training.target import kind_of
from bench.workload.data.batches import by_token_budget
from bench.workload.models.layers import layers_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray
    from transformers import PreTrainedModel

    from bench.experiment.ways import Way
    from bench.forecasting.duration import StepWork
    from bench.forecasting.tracker import Slot
    from bench.forecasting.training import Training
    from bench.plan.train_plan import TrainPlan
    from bench.plan.view import ModelView, Trainable
    from bench.training.activation_cache import ActivationCache
    from bench.training.forward.choose import ForwardChoice
    from bench.training.parallel.group import Group
    from bench.training.prepared import Prepared
    from bench.workload.data.dataset import Split

__all__ = ["DEVICE", "NUM_STEPS", "Traced", "largest_part", "trace"]

NUM_STEPS = 2
"""The first makes the state of the optimizer, for which one of its forward passes is enough; the second has it from its beginning."""
DEVICE = torch.device("cpu")
"""Computes, whatever it stands for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Traced:
    """What the steps took."""

    prepared: Prepared
    peaks: Mapping[Slot, NDArray[np.int64]]
    """Bytes of each of `KINDS` at the peak of every part of the steps, by layer: (kinds,)."""
    work: StepWork | None
    """Of the last step; None where it cannot be counted."""

    @property
    def peak(self) -> NDArray[np.int64]:
        """Bytes of each of `KINDS` at the highest peak: (kinds,)."""
        return max(self.peaks.values(), key=lambda parts: int(parts.sum()))


@contextmanager
def _set_aside() -> Iterator[None]:
    """Keep what is there out of collections of garbage meanwhile: all that libraries are made of takes a third of a second."""
    was_kept = gc.get_freeze_count() > 0
    gc.freeze()
    try:
        yield
    finally:
        if not was_kept:
            gc.unfreeze()


@_set_aside()
def trace(
    model: PreTrainedModel,
    view: ModelView,
    plan: TrainPlan,
    training: Training,
    *,
    way: Way | None = None,
    group: Group | None = None,
    choose: ForwardChoice | None = None,
) -> Traced:
    """Apply a plan to a model, in place, and take steps on the longest rows, with the most of it training that ever does.

    Args:
        model: As built or loaded.
        view: Of this model.
        plan: Of this view. What it compiles runs as it is, since what compiled code allocates cannot be seen.
        training: What is trained on.
        way: To run the model; None packs.
        group: The ranks that share a step, where several do, of which this process is one; each has as many rows as it.
        choose: Finds how that is done.

    Raises:
        UsageError, Unsupported: as `bench.training.prepare.prepare` does.

    """
    plan = plan.with_micro_batch_size(training.micro_batch_size).with_parallel(training.parallel)
    tracker, layers = Tracker(), layers_of(model)
    tracker.see([*model.parameters(), *model.buffers()])
    with tracker, torch.random.fork_rng(devices=[]):
        prepared = prepare(
            model,
            view,
            replace(plan, compile=False),
            split=training.split,
            pad_token_id=training.pad_token_id,
            rates=DEFAULT_RATES,
            device=DEVICE,
            weight_decay=training.weight_decay,
            way=way,
            group=group,
            choose=choose,
        )
        prepared.let_train(largest_part(plan, view))
        gc.collect()  # what was tried and left
        tracker.see(held_by_model(prepared.model, prepared.trained), "weights")
        tracker.see(held_by_optimizer(prepared.optimizer, prepared.averaged), "optimizer")
        tracker.see_rest("weights")  # tables beside the model, of what a pass looks up
        follow(layers, tracker)
        tracker.forget_peaks()
    if prepared.cache:
        _fill(prepared.cache, prepared, training.split, tracker)
    with tracker, torch.random.fork_rng(devices=[]):
        first, *others = prepared.parts(np.repeat(training.rows, training.num_processes))
        rows = two_at_most(training.split, first, others)
        for step in range(last := NUM_STEPS - 1):
            _step(prepared, training, first, step, tracker)
        with counting(arithmetic_in(prepared)) as so_far:
            passes = _step(prepared, training, rows, last, tracker, so_far=so_far)
            work = of_all_passes(so_far(), passes, training.split, others)
    return Traced(prepared=prepared, peaks=tracker.peaks(), work=work)


def largest_part(plan: TrainPlan, view: ModelView) -> Trainable:
    """Find what trains in the steps that train the most."""
    sizes = {param.name: param.num_params for layer in view.layers for param in layer.params}
    steps = range(view.num_steps)
    parts = {plan.phases.at(step, view.num_steps, step * view.num_epochs // view.num_steps): step for step in steps}
    return max(parts, key=lambda part: (sum(sizes[name] for name in view.params_of(part)), -parts[part]))


def _step(
    prepared: Prepared,
    training: Training,
    rows: NDArray[np.int64],
    step: int,
    tracker: Tracker,
    *,
    so_far: Callable[[], StepWork | None] = lambda: None,
) -> list[StepWork | None]:
    """Take a step on `rows`, and note what has been made when its parts are done; return what was done `so_far` after each pass."""
    passes: list[StepWork | None] = []

    def mark(part: str) -> None:
        if part == "forward":
            tracker.see_rest("activations")  # what has outlived it, for the backward pass
        if part == "backward":
            tracker.see((param.grad for param in prepared.trained if param.grad is not None), "gradients")
            passes.append(so_far())
        tracker.mark(part)

    take_step(
        prepared,
        training.split,
        np.repeat(rows, training.num_processes),
        step=step,
        num_steps=NUM_STEPS,
        max_grad_norm=training.max_grad_norm,
        mark=mark,
    )
    tracker.see(held_by_optimizer(prepared.optimizer, prepared.averaged), "optimizer")
    tracker.mark("optimizer")
    return passes


def _fill(cache: ActivationCache, prepared: Prepared, split: Split, tracker: Tracker) -> None:
    """Store the output of the frozen layers for all rows, computing the largest batch of them, and start above it."""
    forward, rows = cache.forward, np.arange(len(split))
    hidden = torch.empty(int(forward.num_vectors(split, rows).sum()), forward.width, dtype=forward.dtype)
    if kind_of(DEVICE) == "cpu":  # of a GPU's memory it takes nothing
        tracker.see([hidden], "activations")
    largest = max(by_token_budget(split.lengths, rows, TOKENS_AT_ONCE), key=lambda some: split.lengths[some].sum())
    prepared.model.eval()
    with tracker:
        forward.compute(split, largest, DEVICE, hidden)
        tracker.mark("cache")
    forward.start_from(hidden, split, rows)
    prepared.training_mode()
