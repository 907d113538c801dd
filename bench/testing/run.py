"""Trains a tiny model by a plan, and notes which of its parameters move in which step."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from bench.plan.learning_rates import Rates
from bench.testing.memory import Bytes, measured
from bench.testing.models import NUM_EPOCHS, NUM_STEPS
from bench.testing.storages import Touched
from bench.training.prepare import prepare
from bench.training.trainer import Schedule, train
from bench.workload.toy import toy_split

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from bench.plan.train_plan import TrainPlan
    from bench.plan.view import ModelView
    from bench.training.prepared import Prepared

__all__ = ["PLAIN", "SPLIT", "Run", "Way", "run"]

SPLIT = toy_split(48, shortest=2)  # torch compiles once more for a length of 1
RATES = Rates(head_alone=1e-2, last_layers=1e-2, everything=1e-2, head=1e-2, adapters=1e-2)
"""High enough to move a weight of 1 that is stored in bf16."""


@dataclass(frozen=True, slots=True)
class Way:
    """How a strategy is tried."""

    also: str = ""
    """A strategy beside it, as text."""
    batch_size: int = 8
    dropout: bool = True

    def __str__(self) -> str:
        """Say what is unlike the plain way, as the end of a sentence."""
        if self.also:
            return f" with {self.also}"
        return " on batches of one row" if self.batch_size == 1 else ""

    @property
    def schedule(self) -> Schedule:
        """The rows of every step, in epochs of equal length; without a warm-up, whose first step would move nothing."""
        rows = [np.arange(step * self.batch_size, (step + 1) * self.batch_size) for step in range(NUM_STEPS)]
        each = NUM_STEPS // NUM_EPOCHS
        epochs = [rows[start : start + each] for start in range(0, NUM_STEPS, each)]
        return Schedule(epochs=epochs, warmup_ratio=0.0)


PLAIN = Way()


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What was seen of a run. Parameters go by their names in the view, and introduced ones by those in the model."""

    plan: TrainPlan
    prepared: Prepared
    way: Way
    loaded: dict[str, torch.Tensor]
    """The values before the plan was applied."""
    built: dict[str, torch.Tensor]
    """After it was."""
    has_dropout: bool
    introduced: frozenset[str]
    """The parameters that transforms introduced and let train."""
    losses: tuple[float, ...]
    num_skipped_steps: int
    """By loss scaling, which moves nothing in them."""
    moved: tuple[frozenset[str], ...]
    """The parameters of which a bit changed, by step."""
    counted: Bytes
    """Of memory when the last step was taken."""
    reported: Bytes
    """The same as the report has it."""

    def may_move(self, step: int) -> frozenset[str]:
        """What the plan lets train in a step: parameters that the model had."""
        part = self.plan.phases.at(step, NUM_STEPS, step * NUM_EPOCHS // NUM_STEPS)
        return self.prepared.resolved.view.params_of(part)


def run(model: PreTrainedModel, view: ModelView, plan: TrainPlan, way: Way) -> Run:
    """Apply a plan to a model of this view, on the CPU, and train; the same each time.

    Raises:
        Unsupported: the plan asks for what the model or this machine cannot do.
        Diverged: the loss is not finite.

    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return _run(model, view, plan, way)


def _run(model: PreTrainedModel, view: ModelView, plan: TrainPlan, way: Way) -> Run:
    loaded = {name: param.detach().clone() for name, param in model.named_parameters()}
    prepared = prepare(
        model,
        view,
        plan,
        split=SPLIT,
        pad_token_id=0,
        rates=RATES,
        device=torch.device("cpu"),
        weight_decay=0.01,
    )
    dropouts = [module for module in prepared.model.modules() if isinstance(module, nn.Dropout) and module.p]
    for module in dropouts if not way.dropout else ():
        module.p = 0.0
    built = _values(prepared)
    moved: list[frozenset[str]] = []
    seen = [built]

    def look(*_: object) -> None:
        now = _values(prepared)
        moved.append(frozenset(name for name, value in now.items() if not value.equal(seen[-1][name])))
        seen[:] = [now]

    schedule, touched = way.schedule, Touched(prepared.optimizer)
    trained = train(prepared, SPLIT, schedule, on_step=look, on_point=lambda *_: None)
    counted, reported = measured(prepared, SPLIT, schedule.epochs[-1][-1], touched.living_bytes)
    known = {id(param) for param in prepared.params.values()}
    return Run(
        plan=plan,
        prepared=prepared,
        way=way,
        loaded=loaded,
        built=built,
        has_dropout=bool(dropouts),
        introduced=frozenset(
            name for name, param in prepared.model.named_parameters() if id(param) not in known and param.requires_grad
        ),
        losses=trained.losses,
        num_skipped_steps=prepared.precision.num_skipped_steps,
        moved=tuple(moved),
        counted=counted,
        reported=reported,
    )


def _values(prepared: Prepared) -> dict[str, torch.Tensor]:
    """Copy the value of every parameter, by its name in the view or, of those that the view does not have, in the model."""
    known = {id(param) for param in prepared.params.values()}
    added = ((name, param) for name, param in prepared.model.named_parameters() if id(param) not in known)
    return {name: param.data.clone() for name, param in chain(prepared.params.items(), added)}
