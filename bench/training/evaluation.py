"""What the model answers on the evaluation rows, off the clock."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from bench.analysis.by_class import balanced_accuracy, confusion_matrix, macro_f1
from bench.errors import Diverged
from bench.records.record import Evaluation
from bench.records.row_classes import encode
from bench.workload.data.batches import by_token_budget

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bench.training.prepared import Prepared
    from bench.workload.data.dataset import Split

__all__ = ["Answers", "answer", "score"]


TOKENS_AT_ONCE = 2048
"""In one forward pass: rows of like length, as many as fit, padding counted."""


@dataclass(frozen=True, slots=True)
class Answers:
    """One answer per row, in the order of the rows."""

    predictions: NDArray[np.int64]  # (rows,)
    losses: NDArray[np.float32]  # (rows,), cross-entropy in nats
    seconds: float
    """To ask for all of them."""

    def first(self, num_rows: int) -> Answers:
        """The answers to the first rows."""
        return replace(self, predictions=self.predictions[:num_rows], losses=self.losses[:num_rows])


def answer(prepared: Prepared, split: Split) -> Answers:
    """Ask the model about every row, in the precision that it trains in.

    Raises:
        Diverged: a logit is not finite; the largest of such logits would still name a class.

    """
    began = time.perf_counter()
    prepared.model.eval()
    predictions = np.empty(len(split), dtype=np.int64)
    losses = np.empty(len(split), dtype=np.float32)
    for rows in by_token_budget(split.lengths, np.arange(len(split)), TOKENS_AT_ONCE):
        batch = prepared.batch(split, rows)
        with torch.inference_mode(), prepared.precision.forward():
            logits = prepared.logits(batch).float()  # (rows, labels)
            row_losses = cross_entropy(logits, batch.labels, reduction="none")
        if not logits.isfinite().all():
            msg = "the trained model answers with numbers that are not finite"
            raise Diverged(msg)
        predictions[rows] = logits.argmax(dim=-1).cpu().numpy()
        losses[rows] = row_losses.cpu().numpy()
    return Answers(predictions, losses, time.perf_counter() - began)


def score(answers: Answers, split: Split, classes: tuple[str, ...]) -> Evaluation:
    """Hold the answers to a whole split against its labels, which are numbers of `classes`."""
    correct = answers.predictions == split.labels
    matrix = confusion_matrix(split.labels, answers.predictions, len(classes))
    return Evaluation(
        accuracy=float(correct.mean()),
        macro_f1=macro_f1(matrix),
        balanced_accuracy=balanced_accuracy(matrix),
        loss=float(answers.losses.mean()),
        num_samples=len(split),
        majority_accuracy=float(np.bincount(split.labels).max() / len(split)),
        correct="".join("1" if right else "0" for right in correct),
        classes=classes,
        labels=encode(split.labels, len(classes)),
        predictions=encode(answers.predictions, len(classes)),
        seconds=answers.seconds,
    )
