"""What the two sides of a comparison share: the work to be done, and what each says it did."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from bench.experiment.spec import RunSpec, WorkloadSpec, parse_strategy
from bench.worker.assemble import load_inputs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from transformers import PreTrainedModel

    from bench.plan import ModelView, TrainPlan
    from bench.worker.assemble import Inputs
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

    inputs: Inputs
    plan: TrainPlan

    @property
    def model(self) -> PreTrainedModel:
        """The model, with the plan applied once one side has done so."""
        return self.inputs.loaded.model

    @property
    def view(self) -> ModelView:
        """The layers of the model."""
        return self.inputs.view

    @property
    def data(self) -> Data:
        """What is trained on."""
        return self.inputs.data

    @property
    def workload(self) -> WorkloadSpec:
        """Names of the model and the data."""
        return self.inputs.spec.workload

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
    spec = RunSpec(strategy=parse_strategy(strategy), workload=workload, lr=LEARNING_RATE, weight_decay=0.0)
    inputs = load_inputs(spec)
    for module in inputs.loaded.model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    return Work(inputs=inputs, plan=inputs.plan)
