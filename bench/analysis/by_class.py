"""How well each class is predicted: confusion matrices, and the scores that follow from one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bench.records.row_classes import decode

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from bench.records.evaluation import Evaluation

    Matrix = NDArray[np.int64]

__all__ = ["ByClass", "ClassScore", "balanced_accuracy", "by_class", "confusion_matrix", "macro_f1", "rows_of"]


@dataclass(frozen=True, slots=True)
class ClassScore:
    """How well one class is found; None where there is nothing to divide by."""

    name: str
    precision: float | None
    """Of the rows predicted as it, the share that are of it."""
    recall: float | None
    """Of its rows, the share predicted as it."""
    f1: float | None
    num_rows: int
    """Evaluation rows of the class, those of one seed."""


@dataclass(frozen=True, slots=True)
class ByClass:
    """The evaluations of one strategy, class by class."""

    names: tuple[str, ...]
    matrix: Matrix  # (classes, classes): rows of a class, by the class that was predicted; over all seeds
    num_seeds: int

    @property
    def scores(self) -> tuple[ClassScore, ...]:
        """Precision, recall and F1 of each class, over all seeds together."""
        hits, actual, predicted = _marginals(self.matrix)
        return tuple(
            ClassScore(
                name,
                precision=_share(hit, taken),
                recall=_share(hit, own),
                f1=_share(2 * hit, taken + own),
                num_rows=int(own) // self.num_seeds,
            )
            for name, hit, own, taken in zip(self.names, hits, actual, predicted, strict=True)
        )


def by_class(evaluations: Iterable[Evaluation]) -> ByClass | None:
    """Add up the evaluations of several seeds; None where one holds no predictions."""
    names: tuple[str, ...] | None = None
    total: Matrix | None = None
    num_seeds = 0
    for evaluation in evaluations:
        rows = rows_of(evaluation)
        if rows is None or names not in (None, evaluation.classes):
            return None
        names, num_seeds = evaluation.classes, num_seeds + 1
        matrix = confusion_matrix(*rows)
        total = matrix if total is None else total + matrix
    return None if names is None or total is None else ByClass(names, total, num_seeds)


def rows_of(evaluation: Evaluation) -> tuple[Matrix, Matrix, int] | None:
    """Class and predicted class of every row, each (rows,), and the number of classes; None where they were not kept."""
    if evaluation.classes is None or evaluation.labels is None or evaluation.predictions is None:
        return None
    num_classes = len(evaluation.classes)
    return decode(evaluation.labels, num_classes), decode(evaluation.predictions, num_classes), num_classes


def confusion_matrix(labels: Matrix, predictions: Matrix, num_classes: int) -> Matrix:
    """Count rows by class and predicted class: (classes, classes)."""
    counts = np.bincount(labels * num_classes + predictions, minlength=num_classes**2)
    return counts.reshape(num_classes, num_classes)


def macro_f1(matrix: Matrix) -> float:
    """Mean F1 of the classes that rows have or were predicted as."""
    hits, actual, predicted = _marginals(matrix)
    present = actual + predicted > 0
    return float((2 * hits[present] / (actual + predicted)[present]).mean())


def balanced_accuracy(matrix: Matrix) -> float:
    """Mean recall of the classes that rows have."""
    hits, actual, _ = _marginals(matrix)
    present = actual > 0
    return float((hits[present] / actual[present]).mean())


def _marginals(matrix: Matrix) -> tuple[Matrix, Matrix, Matrix]:
    """Rows predicted rightly, rows of a class, and rows predicted as it, each (classes,)."""
    return matrix.diagonal(), matrix.sum(axis=1), matrix.sum(axis=0)


def _share(part: int, whole: int) -> float | None:
    return float(part / whole) if whole else None
