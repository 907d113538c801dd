"""What an evaluation does: a pass of the whole model forward."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from bench.forecasting.traffic import arithmetic_in, counting

if TYPE_CHECKING:
    from bench.forecasting.duration import StepWork
    from bench.forecasting.training import Training
    from bench.training.prepared import Prepared

__all__ = ["work_of_pass"]


def work_of_pass(prepared: Prepared, training: Training) -> StepWork | None:
    """Run the whole model forward as an evaluation does, and return its work on the longest rows; None where it cannot be counted."""
    other = replace(training.split)  # of which nothing is stored
    parts = prepared.parts(np.repeat(training.rows, training.num_processes))
    arithmetic = arithmetic_in(prepared)
    with prepared.evaluating(), torch.no_grad(), prepared.precision.forward(), counting(arithmetic) as so_far:
        prepared.logits(prepared.batch(other, parts[0]))
        work = so_far()
    tokens = [int(training.split.lengths[one].sum()) for one in parts]
    return work and work.times(sum(tokens) / tokens[0])
