"""Intervals of the scores of evaluations, of one strategy and of two on the same rows.

Within one run, accuracy has the score intervals of `bench.analysis.proportions`. Macro F1 and balanced accuracy are smooth
functions of how many rows of a class were predicted as which, so theirs come from the delta method: the score is
linearised in the weight of each row, and the squares of what the rows contribute are summed (the
infinitesimal jackknife; Efron, 1982), with the difference taken row by row where two strategies are
compared. Nothing is drawn at random. Over several seeds, differences have paired t intervals as
those of any metric.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from bench.analysis import intervals, proportions
from bench.analysis.by_class import balanced_accuracy, confusion_matrix, macro_f1, rows_of
from bench.analysis.intervals import RISK, THIS_RUN, Evidence, Interval

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from bench.experiment.spec import QualityName
    from bench.records.evaluation import Evaluation

__all__ = ["difference", "interval", "of_majority"]

_METHOD = f"delta method over rows, {THIS_RUN}"


def interval(evaluations: Sequence[Evaluation], metric: QualityName, risk: float = RISK) -> Interval | None:
    """Bound the mean of a score over seeds, by the evaluation rows that they share; None where it was not measured.

    More seeds do not make the sample of rows any larger. There are no bounds where the records do
    not hold predictions.
    """
    values = [value for one in evaluations if (value := getattr(one, metric)) is not None]
    if not values or len(values) < len(evaluations):
        return None
    mean, num_rows = sum(values) / len(values), min(one.num_samples for one in evaluations)
    if metric == "accuracy":
        return proportions.wilson(mean * num_rows, num_rows, risk)
    parts = [part for one in evaluations if (part := _influence(one, metric)) is not None]
    if len({len(part) for part in parts}) != 1 or len(parts) < len(evaluations):
        return Interval(mean, None, None, "one value, no interval")
    return _bounded(mean, np.mean(parts, axis=0), _weight(evaluations[0]), 0.0, risk)


def difference(
    evaluations: Mapping[int, Evaluation], reference: Mapping[int, Evaluation], metric: QualityName
) -> Interval | None:
    """Compare one strategy's score with another's on the same rows, by seed; None without a common seed that has it.

    Over several seeds, its spread is never taken to be finer than the rounding to whole rows.
    """
    ours, theirs = (
        {seed: value for seed, one in each.items() if (value := getattr(one, metric)) is not None}
        for each in (evaluations, reference)
    )
    common = ours.keys() & theirs.keys()
    if not common:
        return None
    seed = min(common)
    one, other = evaluations[seed], reference[seed]
    if len(common) > 1:
        weight = 1 / one.num_samples if metric == "accuracy" else _weight(one)
        return intervals.difference(ours, theirs, least_deviation=weight / math.sqrt(12))
    if metric == "accuracy":
        return proportions.difference_by_row(one.correct, other.correct)
    parts = _influence(one, metric), _influence(other, metric)
    if parts[0] is None or parts[1] is None or one.labels != other.labels:
        return intervals.difference(ours, theirs)
    return _bounded(ours[seed] - theirs[seed], parts[0] - parts[1], _weight(one), -1.0)


def of_majority(evaluation: Evaluation, metric: QualityName) -> float | None:
    """The score of always predicting the most frequent class; None where the record holds no labels."""
    if metric == "accuracy":
        return evaluation.majority_accuracy
    if (rows := rows_of(evaluation)) is None:
        return None
    labels, _, num_classes = rows
    always = np.full_like(labels, np.bincount(labels).argmax())
    score = macro_f1 if metric == "macro_f1" else balanced_accuracy
    return score(confusion_matrix(labels, always, num_classes))


def _bounded(estimate: float, parts: NDArray[np.float64], weight: float, least: float, risk: float = RISK) -> Interval:
    """Bound a score, or a difference of two, by what each row contributes; no finer than a row more or less."""
    num_rows = len(parts)
    spread = math.sqrt(float(np.square(parts).sum()) * num_rows / max(1, num_rows - 1))
    error = max(spread, weight)
    p_value = 2 * float(special.ndtr(-abs(estimate) / error))
    half = float(special.ndtri(1 - risk / 2)) * error
    low, high = max(least, estimate - half), min(1.0, estimate + half)
    return Interval(estimate, low, high, _METHOD, Evidence(p_value, error, math.inf))


def _influence(evaluation: Evaluation, metric: QualityName) -> NDArray[np.float64] | None:
    """How fast the score rises with the weight of each row, (rows,); they add up to nothing."""
    if (rows := rows_of(evaluation)) is None:
        return None
    labels, predictions, num_classes = rows
    matrix = confusion_matrix(*rows)
    hits, actual, taken = matrix.diagonal(), matrix.sum(axis=1), matrix.sum(axis=0)
    right = labels == predictions
    if metric == "balanced_accuracy":
        present = actual > 0
        recall = np.divide(hits, actual, out=np.zeros(num_classes), where=present)
        return np.asarray((right - recall[labels]) / actual[labels] / present.sum())
    both = actual + taken
    present = both > 0
    per_row = np.divide(1.0, both, out=np.zeros(num_classes), where=present)
    loss = 2 * hits * per_row**2  # of F1, by one row more that is of a class or is predicted as it
    return np.asarray((2 * right * per_row[labels] - loss[labels] - loss[predictions]) / present.sum())


def _weight(evaluation: Evaluation) -> float:
    """What getting one row right or wrong weighs in a mean over classes, root mean square; in accuracy it is 1 / rows."""
    if (rows := rows_of(evaluation)) is None:
        return 0.0
    counts = np.bincount(rows[0])
    counts = counts[counts > 0]
    return math.sqrt(float((1 / counts).sum()) / counts.sum()) / len(counts)
