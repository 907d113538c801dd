from __future__ import annotations

import numpy as np
import pytest

from bench.forecasting.duration import StepWork
from bench.forecasting.run_size import RunSize
from bench.forecasting.training import Training
from bench.workload.data.dataset import Split

LENGTHS = np.array([2, 4, 6, 8])
SPLIT = Split(
    tokens=np.zeros(20, dtype=np.int32),
    offsets=np.concatenate([[0], LENGTHS.cumsum()]),
    labels=np.zeros(4, dtype=np.int64),
)


def size(num_steps: int | None = None) -> RunSize:
    training = Training(split=SPLIT, batch_size=2)
    return RunSize.of(training, num_steps=num_steps, evaluation_tokens=28, num_evaluations=3)


def test_steps_are_shorter_than_the_longest() -> None:
    assert size().mean_share == pytest.approx(10 / 14)
    assert size().num_training_passes == pytest.approx(20 / 14)
    assert size().num_evaluation_passes == pytest.approx(6)
    assert (size().num_steps, size(7).num_steps) == (2, 7)


def test_only_a_cache_is_filled() -> None:
    step, whole_pass = (StepWork(flops={"fp32": number}, bytes_moved=0, launches=1) for number in (14, 7))
    plain, cached = (size().work(step, whole_pass, is_cached=is_cached, loaded_bytes=5) for is_cached in (False, True))
    assert plain.step.flops["fp32"] == pytest.approx(10)
    assert (plain.num_filling_passes, cached.num_filling_passes) == (0, pytest.approx(20 / 14))
    assert plain.loaded_bytes == 5
