"""Predictions of a model for the evaluation rows, off the clock."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from bench.errors import Diverged
from bench.tasks.classification import Predictions, loss_of, predicted
from bench.workload.data.batches import by_token_budget

if TYPE_CHECKING:
    from bench.training.prepared import Prepared
    from bench.workload.data.dataset import Split

__all__ = ["predict", "predict_beside"]

TOKENS_AT_ONCE = 2048
"""In one forward pass: rows of similar length, as many as fit, padding counted."""


def predict(prepared: Prepared, split: Split) -> Predictions:
    """Run the model on every row, in the precision that it trains in.

    Raises:
        Diverged: a logit is not finite; the largest of such logits would still name a class.

    """
    began = time.perf_counter()
    classes = np.empty(len(split), dtype=np.int64)
    losses = np.empty(len(split), dtype=np.float32)
    with prepared.evaluating():
        for rows in by_token_budget(prepared.lengths(split), np.arange(len(split)), TOKENS_AT_ONCE):
            batch = prepared.batch(split, rows)
            with prepared.parallel.inferring(), prepared.precision.forward():
                logits = prepared.logits(batch).float()  # (rows, classes)
                row_losses = loss_of(logits, batch.targets, "none")
            if not logits.isfinite().all():
                raise Diverged("the outputs of the trained model are not finite")
            classes[rows] = predicted(logits)
            losses[rows] = row_losses.cpu().numpy()
    return Predictions(classes, losses, time.perf_counter() - began)


def predict_beside(prepared: Prepared, split: Split) -> None:
    """Do on another rank what `predict` takes of it on rank 0: its parts of the model, or an optimizer that turns to other weights and back."""
    if prepared.parallel.cuts:
        predict(prepared, split)
    else:
        with prepared.evaluating():
            pass
