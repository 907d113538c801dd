from __future__ import annotations

from dataclasses import replace

import numpy as np

from bench.forecasting.traffic import counting
from bench.forecasting.training import Training
from bench.testing.models import fresh_model
from bench.training.step import take_step
from bench.workload.toy import toy_split
from tests.forecasting.test_steps import TRAINING, traced


def test_two_passes_tell_of_the_work_of_all_that_a_step_has() -> None:
    training = Training(split=toy_split(32, shortest=9, longest=9), batch_size=8, micro_batch_size=2)
    found = traced(fresh_model("llama"), "full", training=training)
    with counting("fp32") as so_far:
        step = take_step(
            found.prepared,
            training.split,
            training.rows,
            step=2,
            num_steps=4,
            max_grad_norm=1.0,
            mark=lambda _part: None,
        )
    assert step.num_tokens == 8 * 9
    assert found.work == so_far()


def test_no_pass_takes_more_than_the_longest_beside_the_gradients_of_one() -> None:
    rows = np.argsort(TRAINING.split.lengths)[-8:]  # the shortest first
    peaks = [
        traced(fresh_model("llama"), "full", training=replace(TRAINING, micro_batch_size=2, step_rows=some)).peak.sum()
        for some in (rows, rows[[0, 1, 6, 7]], rows[[0, 1, 2, 3]])
    ]
    assert peaks[0] == peaks[1] > peaks[2]
