"""The other side of the comparison: transformers' Trainer as it comes.

Its defaults stand: fused AdamW at one rate that falls linearly, gradients clipped at 1.0,
batches padded to their longest row by the tokenizer, rows drawn at random. What is switched off
(saving, reporting, the progress bar) costs time and trains nothing.
"""

from __future__ import annotations

import time
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.utils.data import Dataset, Sampler
from transformers import DataCollatorWithPadding, PrinterCallback, Trainer, TrainerCallback, TrainingArguments

from bench.workload.models import load_tokenizer
from tests.perf.side import BATCH_SIZE, LEARNING_RATE, Done

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from transformers import PreTrainedTokenizerBase

    from bench.workload.data import Split
    from tests.perf.side import Epochs, Work

__all__ = ["train_with_transformers"]


def train_with_transformers(
    work: Work, *, num_steps: int, group_by_length: bool = False, epochs: Epochs | None = None
) -> Done:
    """Train with transformers' Trainer on the CPU.

    Args:
        work: The model changes in place. Of the plan, what trains counts and whether bf16 is used; the rest is ours.
        num_steps: Optimizer steps, over as many epochs as they take.
        group_by_length: The Trainer's own way to save padding; else rows are drawn at random.
        epochs: Batches to train on instead of those that the Trainer would draw.

    """
    trained = work.plan.phases[0].layers
    for layer in work.view.layers:
        for name in layer.param_names:
            work.model.get_parameter(name).requires_grad_(layer.name in trained)
    collator = _Collator(load_tokenizer(work.workload.model))
    clock = _Clock()
    with TemporaryDirectory() as directory:
        arguments = TrainingArguments(
            output_dir=directory,
            per_device_train_batch_size=BATCH_SIZE,
            learning_rate=LEARNING_RATE,
            max_steps=num_steps,
            bf16=work.plan.precision != "fp32",
            train_sampling_strategy="group_by_length" if group_by_length else "random",
            use_cpu=True,
            save_strategy="no",
            logging_strategy="no",
            report_to="none",
            disable_tqdm=True,
            remove_unused_columns=False,  # the collator wants the row's number, and takes it out
        )
        trainer = _Trainer(
            epochs, model=work.model, args=arguments, train_dataset=_Rows(work.data.train), data_collator=collator
        )
        trainer.remove_callback(PrinterCallback)
        trainer.add_callback(clock)
        trainer.train()
    return Done(
        seconds=clock.marks[-1] - clock.marks[0],
        set_up_seconds=0.0,
        step_seconds=tuple(np.diff(clock.marks[:-1]).tolist()),
        losses=tuple(torch.stack(trainer.losses).tolist()),
        epochs=_by_epoch(collator.batches[:num_steps], len(work.data.train)),
        num_padded_tokens=sum(collator.num_padded_tokens[:num_steps]),
    )


def _by_epoch(batches: list[NDArray[np.int64]], num_rows: int) -> Epochs:
    per_epoch = -(-num_rows // BATCH_SIZE)
    return [batches[start : start + per_epoch] for start in range(0, len(batches), per_epoch)]


class _Rows(Dataset[dict[str, Any]]):
    """A split, row by row."""

    def __init__(self, split: Split) -> None:
        self._split = split

    def __len__(self) -> int:
        return len(self._split)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {"input_ids": self._split.row(index).tolist(), "labels": int(self._split.labels[index]), "row": index}


class _Collator(DataCollatorWithPadding):
    """The Trainer's own, which also notes which rows it was given."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        super().__init__(tokenizer)
        self.batches: list[NDArray[np.int64]] = []
        self.num_padded_tokens: list[int] = []

    def __call__(self, features: list[dict[str, Any]]) -> dict[str, Any]:
        self.batches.append(np.array([feature.pop("row") for feature in features]))
        batch = super().__call__(features)
        self.num_padded_tokens.append(batch["input_ids"].numel())
        return batch


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
    """Keeps the losses, unrounded, and takes batches that it is given."""

    def __init__(self, epochs: Epochs | None, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._epochs = epochs
        self.losses: list[torch.Tensor] = []

    def training_step(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        loss = super().training_step(*args, **kwargs)
        self.losses.append(loss)
        return loss

    def _get_train_sampler(self, *args: Any) -> Any:
        return super()._get_train_sampler(*args) if self._epochs is None else _Given(self._epochs)


class _Clock(TrainerCallback):
    """Marks the begin, the end of every step, and the end."""

    def __init__(self) -> None:
        self.marks: list[float] = []

    def _mark(self, *_: object, **__: object) -> None:
        self.marks.append(time.perf_counter())

    on_train_begin = on_step_end = on_train_end = _mark
