"""What the two sides of a comparison share: the work to be done, and what each says it did."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from bench.experiment import registry
from bench.experiment.spec import WorkloadSpec, parse_strategy
from bench.plan.compose import compose
from bench.workload.data.dataset import load_data
from bench.workload.models.layers import view_of
from bench.workload.models.load import load_model

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from transformers import PreTrainedModel

    from bench.plan import ModelView, TrainPlan
    from bench.workload.data.dataset import Data

    Epochs = Sequence[Sequence[NDArray[np.int64]]]

__all__ = ["BATCH_SIZE", "DEVICE", "EPOCHS", "MAX_STEPS", "MODELS", "NUM_ROWS", "Done", "Work", "load"]

MODELS = ("minilm-l6", "smollm2-135m")
NUM_ROWS = int(os.environ.get("BENCH_PERF_ROWS", "512"))
MAX_STEPS = int(os.environ.get("BENCH_PERF_STEPS", "0")) or None
"""Optimizer steps over all epochs; fewer than the rows need leave rows out, never an epoch."""
EPOCHS = 2
"""A stored prefix pays from the second epoch on."""
BATCH_SIZE = 16
DEVICE = torch.device(os.environ.get("BENCH_PERF_DEVICE", "cpu"))
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

    def without_compile(self) -> Work:
        """Leave the layers as they are."""
        return replace(self, plan=replace(self.plan, compile=False))

    def num_tokens(self, epochs: Epochs) -> int:
        """Count the real tokens of all steps."""
        return int(self.data.train.lengths[np.concatenate([rows for epoch in epochs for rows in epoch])].sum())


@dataclass(frozen=True, kw_only=True)
class Done:
    """What one side did."""

    seconds: float
    """Of training: set-up that the strategy needs and all steps, without loading."""
    num_tokens: int
    """Trained on; padding is not counted."""
    step_seconds: tuple[float, ...]
    losses: tuple[float, ...]
    """Mean loss of each step's rows, in nats."""
    cache_seconds: float = 0.0
    """Of all seconds, running and storing the frozen layers."""
    compile_seconds: float = 0.0
    """Of all seconds, compiling."""

    @property
    def seconds_per_token(self) -> float:
        """Seconds per real token, of all but compiling, which is done once however long one trains."""
        return (self.seconds - self.compile_seconds) / self.num_tokens


def load(strategy: str, model: str, num_rows: int) -> Work:
    """Load a preset and the default data, with dropout off so that both sides compute the same."""
    workload = WorkloadSpec(model=model, train_samples=num_rows, eval_samples=16)
    data = load_data(workload)
    loaded = load_model(model, labels=data.label_names, seed=0)
    for module in loaded.model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    view = view_of(loaded.model, loaded.fresh)
    plan = compose([registry.load(term) for term in parse_strategy(strategy)], view).with_lr(LEARNING_RATE)
    return Work(model=loaded.model, view=view, plan=plan, data=data, workload=workload)
