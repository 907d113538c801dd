"""Suites of a known truth, many gates of them at once, judged by the code that judges files."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from bench.gate.judging.suite_sequential import FAIL, Decided, decide_suite, suite_plan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["KINDS", "LOOKS", "Cell", "reds", "upper_bound"]

LOOKS = (4, 6, 8, 12)
"""Files a side at which `bench gate --run` looks."""
KINDS = ("independent", "shared", "heavy tails", "trend")
MARGIN = 0.05

_HEAVY = 3
"""Degrees of freedom of Student's t: the variance is finite, and hardly anything above it."""


@dataclass(frozen=True)
class Cell:
    """A suite and its machine; `noise` is the deviation of a process, on the logarithm of a time."""

    num_benchmarks: int
    noise: float
    kind: str

    def gates(self, random: np.random.Generator, number: int, num_files: int) -> NDArray[np.float64]:
        """Draw logarithms of times of sides that do not differ: (number, 2 * files, benchmarks), base and head in turns."""
        shape = (number, 2 * num_files, self.num_benchmarks)
        if self.kind == "heavy tails":
            # What a file shares has them too: a neighbour slows a whole process.
            own, of_file = (
                random.standard_t(_HEAVY, size) / math.sqrt(_HEAVY) for size in (shape, (number, 2 * num_files, 1))
            )
            return self.noise * (own + of_file) / math.sqrt(2)
        own = random.normal(size=shape)
        if self.kind == "shared":
            return self.noise * (random.normal(size=(number, 2 * num_files, 1)) + 0.1 * own)
        logs = self.noise * own
        if self.kind == "trend":
            # Up to a third slower or faster over the turns, straight or levelling off, and felt unequally.
            at = np.linspace(0, 1, 2 * num_files)[:, None]
            curve = np.where(random.random((number, 1, 1)) < 0.5, at, 1 - np.exp(-3 * at))
            felt = np.exp(0.3 * random.normal(size=(number, 1, self.num_benchmarks)))
            logs = logs + random.uniform(-0.3, 0.3, (number, 1, 1)) * curve * felt
        return logs


def judge(
    cell: Cell,
    random: np.random.Generator,
    number: int,
    looks: Sequence[int],
    *,
    slower: float = 0.0,
    num_slower: int = 1,
) -> Decided:
    """Judge so many gates, the first `num_slower` benchmarks of whose head are slower by a share."""
    median = cell.gates(random, number, looks[-1])
    median[:, 1::2, :num_slower] += math.log1p(slower)
    mean = median + 0.3 * cell.noise * random.normal(size=median.shape)
    worse = np.full(cell.num_benchmarks, math.log1p(MARGIN))
    decided = decide_suite(
        [median, mean], (False, True) * looks[-1], [worse] * 2, [math.log1p(MARGIN)] * 2, suite_plan(looks)
    )
    assert decided is not None
    return decided


def reds(decided: Decided) -> dict[str, NDArray[np.bool_]]:
    """Say of each gate whether anything of it is red, its first benchmark is, or the suite as a whole."""
    first = np.any([codes[..., 0] == FAIL for codes in decided.codes], axis=0)
    suite = np.any([codes[..., 0] == FAIL for codes in decided.suite_codes], axis=0)
    every = np.any([(codes == FAIL).any(-1) for codes in decided.codes], axis=0) | suite
    return {"any": every, "first": first, "suite": suite}


def upper_bound(num_red: int, number: int) -> float:
    """Bound a rate from above, one-sided at 95 % (Clopper and Pearson, 1934)."""
    return float(stats.beta.ppf(0.95, num_red + 1, number - num_red))


def suite_logs(num=20, sd=0.01, files=8, seed=0, **shift):
    logs = np.random.default_rng(seed).normal(scale=sd, size=(files, num))
    for name, value in shift.items():
        logs[1::2, slice(None) if name == "all" else int(name[1:])] += value
    return logs
