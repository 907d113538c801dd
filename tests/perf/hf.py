"""The other side of the comparison: transformers' Trainer as it comes.

Its defaults stand: fused AdamW at one rate that falls linearly, gradients clipped at 1.0,
batches padded to their longest row by the tokenizer. The batches are drawn by its own samplers, but
beforehand, so that the other side can train on the same ones. What is switched off
(saving, reporting, the progress bar) costs time and trains nothing.
"""

from __future__ import annotations

import time
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.utils.data import Dataset, RandomSampler, Sampler
from transformers import DataCollatorWithPadding, PrinterCallback, Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_pt_utils import LengthGroupedSampler

from bench.training.precision import resolve_dtype
from bench.workload.models.load import load_tokenizer
from tests.perf.side import BATCH_SIZE, DEVICE, LEARNING_RATE, Done, load

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from bench.workload.data.dataset import Split
    from tests.perf.side import Epochs, Work

__all__ = ["choose_trained", "draw_epochs", "load_and_train", "train_with_transformers"]


def draw_epochs(lengths: NDArray[np.int64], *, group_by_length: bool, num_epochs: int) -> Epochs:
    """Draw batches with the samplers of the Trainer: at random, or grouped as `group_by_length` does."""
    generator = torch.Generator().manual_seed(42)  # the Trainer's default seed
    rows = range(len(lengths))
    sampler = (
        LengthGroupedSampler(BATCH_SIZE, lengths=lengths.tolist(), generator=generator)
        if group_by_length
        else RandomSampler(rows, generator=generator)
    )
    cuts = rows[BATCH_SIZE::BATCH_SIZE]
    return [np.split(np.array(list(sampler), dtype=np.int64), cuts) for _ in range(num_epochs)]


def choose_trained(work: Work) -> None:
    """Freeze what the plan does not train, as a user of the Trainer does."""
    trained = work.view.params_of(*work.plan.phases.ever())
    for layer in work.view.layers:
        for name in layer.param_names:
            work.model.get_parameter(name).requires_grad_(name in trained)


def load_and_train(strategy: str, model: str, num_rows: int, epochs: Epochs) -> Done:
    """Load a fresh model, and train it."""
    return train_with_transformers(load(strategy, model, num_rows), epochs)


def train_with_transformers(work: Work, epochs: Epochs) -> Done:
    """Train with transformers' Trainer, on the given batches.

    The model changes in place. Of the plan, what trains counts and the precision; the rest is ours.
    """
    choose_trained(work)
    clock = _Clock()
    with TemporaryDirectory() as directory:
        arguments = TrainingArguments(
            output_dir=directory,
            per_device_train_batch_size=BATCH_SIZE,
            learning_rate=LEARNING_RATE,
            max_steps=sum(map(len, epochs)),
            bf16=resolve_dtype(work.plan.precision, DEVICE) == torch.bfloat16,
            fp16=resolve_dtype(work.plan.precision, DEVICE) == torch.float16,
            use_cpu=DEVICE.type == "cpu",
            save_strategy="no",
            logging_strategy="no",
            report_to="none",
            disable_tqdm=True,
        )
        trainer = _Trainer(
            epochs,
            model=work.model,
            args=arguments,
            train_dataset=_Rows(work.data.train),
            data_collator=DataCollatorWithPadding(load_tokenizer(work.workload.model)),
        )
        trainer.remove_callback(PrinterCallback)
        trainer.add_callback(clock)
        trainer.train()
    return Done(
        seconds=clock.marks[-1] - clock.marks[0],
        num_tokens=work.num_tokens(epochs),
        step_seconds=tuple(np.diff(clock.marks[:-1]).tolist()),
        losses=tuple(torch.stack(trainer.losses).tolist()),
    )


class _Rows(Dataset[dict[str, Any]]):
    """A split, row by row."""

    def __init__(self, split: Split) -> None:
        self._split = split

    def __len__(self) -> int:
        return len(self._split)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {"input_ids": self._split.row(index).tolist(), "labels": int(self._split.labels[index])}


class _Given(Sampler[int]):
    """Rows in an order that was decided before, epoch by epoch."""

    def __init__(self, epochs: Epochs) -> None:
        self._epochs = iter(epochs)
        self._num_rows = sum(map(len, epochs[0]))

    def __len__(self) -> int:
        return self._num_rows

    def __iter__(self) -> Iterator[int]:
        return iter(np.concatenate(next(self._epochs)).tolist())


class _Trainer(Trainer):
    """Keeps the losses, unrounded, and takes the batches that it is given."""

    def __init__(self, epochs: Epochs, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._epochs = epochs
        self.losses: list[torch.Tensor] = []

    def training_step(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        loss = super().training_step(*args, **kwargs)
        self.losses.append(loss)
        return loss

    def _get_train_sampler(self, *_: Any) -> Sampler[int]:
        return _Given(self._epochs)


class _Clock(TrainerCallback):
    """Marks the begin, the end of every step, and the end; on a GPU a step ends where the host has asked for all of it."""

    def __init__(self) -> None:
        self.marks: list[float] = []

    def _mark(self, *_: object, **__: object) -> None:
        self.marks.append(time.perf_counter())

    def _settle(self, *_: object, **__: object) -> None:
        if DEVICE.type == "cuda":
            torch.cuda.synchronize(DEVICE)
        self._mark()

    on_step_end = _mark
    on_train_begin = on_train_end = _settle
