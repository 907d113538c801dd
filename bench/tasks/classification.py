"""Classification of texts: the only place that knows the loss, the targets of a batch and how good predictions are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from bench.analysis.by_class import balanced_accuracy, confusion_matrix, macro_f1
from bench.records.evaluation import CurvePoint, Evaluation
from bench.records.row_classes import encode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from bench.workload.data.dataset import Split

__all__ = ["Predictions", "curve_point", "evaluation_of", "loss_of", "predicted", "targets_of"]


@dataclass(frozen=True, slots=True)
class Predictions:
    """What a model predicts for rows of a split, in their order."""

    classes: NDArray[np.int64]  # (rows,)
    losses: NDArray[np.float32]  # (rows,), cross-entropy in nats
    seconds: float
    """Taken to predict all of them."""

    def first(self, num_rows: int) -> Predictions:
        """Return the predictions of the first rows."""
        return replace(self, classes=self.classes[:num_rows], losses=self.losses[:num_rows])


def targets_of(split: Split, rows: NDArray[np.int64] | Sequence[int]) -> torch.Tensor:
    """Return the class numbers that a batch of these rows is trained towards: (rows,), int64, on the CPU."""
    return torch.from_numpy(split.labels[rows].astype(np.int64))


def loss_of(
    logits: torch.Tensor, targets: torch.Tensor, reduction: Literal["mean", "sum", "none"] = "mean"
) -> torch.Tensor:
    """Return the cross-entropy in nats, computed in fp32: mean or sum over rows, or one per row.

    Args:
        logits: (rows, classes).
        targets: (rows,), as `targets_of` returns them.
        reduction: Over rows.

    """
    return cross_entropy(logits.float(), targets, reduction=reduction)


def predicted(logits: torch.Tensor) -> NDArray[np.int64]:
    """Return the most likely class of every row: (rows,)."""
    classes: NDArray[np.int64] = logits.argmax(dim=-1).cpu().numpy()
    return classes


def evaluation_of(predictions: Predictions, split: Split, classes: tuple[str, ...]) -> Evaluation:
    """Compare the predictions for a whole split with its labels, which are numbers of `classes`."""
    correct = predictions.classes == split.labels
    matrix = confusion_matrix(split.labels, predictions.classes, len(classes))
    return Evaluation(
        accuracy=float(correct.mean()),
        macro_f1=macro_f1(matrix),
        balanced_accuracy=balanced_accuracy(matrix),
        loss=float(predictions.losses.mean()),
        num_samples=len(split),
        majority_accuracy=float(np.bincount(split.labels).max() / len(split)),
        correct="".join("1" if right else "0" for right in correct),
        classes=classes,
        labels=encode(split.labels, len(classes)),
        predictions=encode(predictions.classes, len(classes)),
        seconds=predictions.seconds,
    )


def curve_point(predictions: Predictions, split: Split, *, step: int, seconds: float) -> CurvePoint:
    """Return the point of the learning curve after `step` steps and `seconds` of training.

    Args:
        predictions: For the first rows of `split`, as many as there are.
        split: The evaluation rows.
        step: Optimizer steps done.
        seconds: Billed so far.

    """
    labels = split.labels[: len(predictions.classes)]
    return CurvePoint(
        step=step,
        seconds=seconds,
        loss=float(predictions.losses.mean()),
        accuracy=float((predictions.classes == labels).mean()),
        num_samples=len(labels),
    )
