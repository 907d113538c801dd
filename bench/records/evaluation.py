"""How a trained model, or one that is still training, does on the evaluation set."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from bench.experiment.bounds import Count, Frozen, Loss, Positive, Seconds, Share
from bench.records.row_classes import fits

__all__ = ["CurvePoint", "Evaluation", "agree"]


class CurvePoint(Frozen):
    """One point of the learning curve, evaluated on the first rows of the evaluation set."""

    step: Count
    """Optimizer steps done."""
    seconds: Seconds
    """Training time so far, evaluation excluded."""
    loss: Loss
    accuracy: Share
    num_samples: Positive


class Evaluation(Frozen):
    """The trained model on the evaluation set."""

    accuracy: Share
    macro_f1: Share
    loss: Loss
    """Mean cross-entropy, in nats."""
    num_samples: Positive
    majority_accuracy: Share
    """Accuracy of predicting the most frequent class of the evaluation set for every row."""
    correct: str = Field(pattern="^[01]+$")
    """One character per row in the order of the data, "1" where the prediction was right."""
    seconds: Seconds
    balanced_accuracy: Share | None = None
    """Mean of the recalls of the classes."""
    classes: tuple[str, ...] | None = None
    """The names of the classes, by number."""
    labels: str | None = None
    """The number of each row's class, in the order of the data; `bench.records.row_classes` writes and reads it."""
    predictions: str | None = None
    """Likewise the number of the predicted class of each row."""
    merged_seconds: Seconds | None = None
    """Of the same evaluation with adapters merged into the weights; None without adapters that can be merged."""

    @model_validator(mode="after")
    def _has_every_row(self) -> Self:
        agree("correct", len(self.correct), "num_samples", self.num_samples)
        for written in (self.labels, self.predictions):
            if written is not None and not fits(written, self.num_samples, self.classes or ()):
                raise ValueError(f"the classes of {self.num_samples} rows are not written as they should be")
        return self


def agree(name: str, length: int, total: str, expected: int) -> None:
    """Refuse a list that has not an entry for each of what there is.

    Raises:
        ValueError: it is longer or shorter.

    """
    if length != expected:
        raise ValueError(f"{name} has {length} entries, but {total} is {expected}")
