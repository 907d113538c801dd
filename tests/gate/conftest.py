"""Samples of two sides with a known truth, shaped like the noise of real machines."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest

from bench.gate.judging.judgement import Finding, Judgement, Side
from bench.gate.judging.times import Pair

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

NUM_STEPS = 50


@dataclass(frozen=True)
class Scenario:
    """A machine, by its noise on the logarithm of step times.

    The step times of a process hang together, single steps are slow, now and then a neighbour slows
    a part of a process, every process has a constant effect of its own, and the machine drifts.
    """

    jitter: float
    correlation: float
    process: tuple[float, float]
    """The deviation between processes is drawn anew for every experiment."""
    drift: float
    drift_length: float
    """In processes."""
    slow_share: float
    slow: float
    burst_share: float
    burst: tuple[float, float]

    def experiments(self, random: np.random.Generator, number: int, num_pairs: int) -> NDArray[np.float64]:
        """Log step times of equal sides, as (number, pairs, base and head, steps); which side goes first is drawn."""
        shape = (number, num_pairs, 2)
        jitter = random.normal(0, 1, (*shape, NUM_STEPS))
        for step in range(1, NUM_STEPS):
            jitter[..., step] *= math.sqrt(1 - self.correlation**2)
            jitter[..., step] += self.correlation * jitter[..., step - 1]
        logs = self.jitter * jitter
        logs += random.normal(0, 1, (*shape, 1)) * random.uniform(*self.process, (number, 1, 1, 1))
        is_slow = random.random(logs.shape) < self.slow_share
        logs += is_slow * np.log1p(random.exponential(self.slow, logs.shape))
        length = random.uniform(0.2, 0.6, (*shape, 1)) * NUM_STEPS
        first = random.random((*shape, 1)) * (NUM_STEPS - length)
        within = (np.arange(NUM_STEPS) >= first) & (np.arange(NUM_STEPS) < first + length)
        is_hit = random.random((*shape, 1)) < self.burst_share
        logs += (is_hit & within) * np.log1p(random.uniform(*self.burst, (*shape, 1)))
        drift = self._drift(random, number, 2 * num_pairs).reshape(*shape, 1)
        swapped = random.random((number, num_pairs, 1, 1)) < 0.5
        return logs + np.where(swapped, drift[:, :, ::-1], drift)

    def _drift(self, random: np.random.Generator, number: int, length: int) -> NDArray[np.float64]:
        keep = math.exp(-1 / self.drift_length)
        drift = random.normal(0, self.drift, (number, length))
        for slot in range(1, length):
            drift[:, slot] = keep * drift[:, slot - 1] + math.sqrt(1 - keep**2) * drift[:, slot]
        return drift


SCENARIOS = {
    "shared": Scenario(0.04, 0.4, (0.01, 0.03), 0.02, 6, 0.02, 0.6, 0.08, (0.1, 0.4)),
    "dedicated": Scenario(0.012, 0.3, (0.004, 0.012), 0.004, 6, 0.005, 0.3, 0.01, (0.05, 0.2)),
    "hostile": Scenario(0.06, 0.5, (0.04, 0.08), 0.04, 4, 0.03, 0.8, 0.2, (0.1, 0.5)),
}


@pytest.fixture(scope="session")
def scenarios() -> dict[str, Scenario]:
    return SCENARIOS


@pytest.fixture(scope="session")
def make_pairs() -> Callable[..., list[Pair]]:
    """Pairs of processes whose head is slower by `effect`, with a little noise between processes."""

    def make(number: int = 4, effect: float = 0.0, noise: float = 0.01, seed: int = 0) -> list[Pair]:
        random = np.random.default_rng(seed)
        base, head = (0.1 * np.exp(noise * random.normal(size=(number, 1)) + np.zeros((1, 10))) for _ in range(2))
        return [Pair(ours.tolist(), (theirs * (1 + effect)).tolist()) for ours, theirs in zip(base, head, strict=True)]

    return make


@pytest.fixture(scope="session")
def judgement() -> Judgement:
    """One finding of every verdict, with names and reasons that every format must escape."""
    hostile = "steps 100%\n::error::<b>|`x`|</b> & \N{MULTIPLICATION SIGN}, a:b \x07]]>"
    return Judgement(
        (
            Finding("full", "step_seconds_median", "PASS", "0.3 % slower", 0.1, 0.1003, 0.003, -0.01, 0.016, 0.05, 0.03),
            Finding("full", "training_memory_bytes", "IMPROVED", "less", 2e9, 1.5e9, -0.25, -0.25, -0.25, 0.02, num_pairs=4),
            Finding("full", "step_seconds_mean", "WARN", "3 % slower", 0.1, 0.103, 0.03, 0.02, 0.04, 0.05, 0.01),
            Finding(hostile, "accuracy", "INCONCLUSIVE", hostile, 0.8, 0.79, -0.01, -0.03, 0.01, 0.01, 0.04),
            Finding("amp", "step_seconds_median", "NOT_MEASURED", "head has no steps in pair 2"),
            Finding(
                "tests/test_x.py::test_a[1-2]", "step_seconds_median", "FAIL", "8.1 % slower", 0.1, 0.1081,
                0.081, 0.05, 0.11, 0.05, 0.02, 0.02, 6, confirmed=True, pairs=((0.1, 0.1081),) * 6,
                rerun_pairs=((0.1, 0.109),) * 6, file="tests/test_x.py", line=12,
            ),
        ),
        Side("main", "0123abcd", {"cpu": "Example CPU | 2.5 GHz"}),
        Side("feature/<x>", "4567cdef"),
        warnings=("A slower hour looks like a slower head.",),
    )  # fmt: skip
