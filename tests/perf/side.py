"""What the two sides of a comparison share: the work to be done, and what each says it did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import nn

from bench import registry
from bench.plan import compose
from bench.spec import WorkloadSpec, parse_strategy
from bench.workload.data import load_data
from bench.workload.models import load_model
from bench.workload.view import view_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray
    from transformers import PreTrainedModel

    from bench.plan import ModelView, TrainPlan
    from bench.workload.data import Data

    Epochs = Sequence[Sequence[NDArray[np.int64]]]

__all__ = ["BATCH_SIZE", "Done", "Work", "load"]

BATCH_SIZE = 16
LEARNING_RATE = 5e-5
"""The default of transformers' TrainingArguments: one rate for all that trains, falling linearly to zero."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """A fresh model, what of it trains, and on what; every side gets its own."""

    model: PreTrainedModel
    view: ModelView
    plan: TrainPlan
    data: Data
    workload: WorkloadSpec


@dataclass(frozen=True, kw_only=True)
class Done:
    """What one side did."""

    seconds: float
    """Of training: set-up that the strategy needs and all steps, without loading."""
    set_up_seconds: float
    """Of it, what came before the first step."""
    step_seconds: tuple[float, ...]
    losses: tuple[float, ...]
    """Mean loss of each step's rows, in nats."""
    epochs: Epochs
    """The row numbers of each step, in order."""
    num_padded_tokens: int


def load(strategy: str, *, model: str, num_rows: int) -> Work:
    """Load a preset and the default data, with dropout off so that both sides compute the same."""
    workload = WorkloadSpec(model=model, train_samples=num_rows, eval_samples=16)
    data = load_data(workload)
    loaded = load_model(model, num_labels=len(data.label_names), seed=0)
    for module in loaded.model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    view = view_of(loaded.model, loaded.fresh)
    plan = compose([registry.load(term) for term in parse_strategy(strategy)], view).with_lr(LEARNING_RATE)
    return Work(model=loaded.model, view=view, plan=plan, data=data, workload=workload)
