"""Interim analyses (looks) of a suite: the verdict of each benchmark, and of the suite, at the first look that decides.

All looks together may be wrong with red in one of 400 gates. A wrong green is allowed per benchmark, as everywhere in
the gate: in five of a hundred. Both are divided by the number of looks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from bench.gate.judging.sequential import AnalysisPlan
from bench.gate.judging.suite import Bounds, SuiteChanges, bounds, changes_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Codes = NDArray[np.int8]

__all__ = [
    "FAIL",
    "IMPROVED",
    "OPEN",
    "PASS",
    "SUITE_RED_ALPHA",
    "Decided",
    "SuiteAnalysis",
    "decide_suite",
    "suite_plan",
]

SUITE_RED_ALPHA = 0.0025
"""The probability of any red in a suite whose head is unchanged: there is no rerun to confirm it."""

OPEN, PASS, IMPROVED, FAIL = range(4)


def suite_plan(looks: Sequence[int]) -> AnalysisPlan:
    """Return the plan of looks at these numbers of files a side."""
    return AnalysisPlan(looks=tuple(looks), red_alpha=SUITE_RED_ALPHA)


@dataclass(frozen=True, slots=True, eq=False)
class SuiteAnalysis:
    """All metrics of all benchmarks after `num_files` files a side."""

    num_files: int
    """The files a side; of the side that has fewer."""
    shown: tuple[SuiteChanges, ...]
    """One per metric."""
    slower: Bounds
    faster: Bounds


@dataclass(frozen=True, slots=True, eq=False)
class Decided:
    """What the looks at a suite decided; one entry per metric."""

    codes: tuple[Codes, ...]
    """(..., benchmarks): OPEN, PASS, IMPROVED or FAIL."""
    suite_codes: tuple[Codes, ...]
    """(..., 1): the same for the suite as a whole; OPEN where it has only one benchmark."""
    decided_at: tuple[Codes, ...]
    """(..., benchmarks): the index of the look that decided each code, or of the last look."""
    suite_decided_at: tuple[Codes, ...]
    looks: tuple[SuiteAnalysis, ...]
    level: float
    """The error probability of green, at each look and for each benchmark."""

    @property
    def is_red(self) -> bool:
        """Whether anything is red."""
        return any(bool((codes == FAIL).any()) for codes in (*self.codes, *self.suite_codes))

    @property
    def is_open(self) -> bool:
        """Whether another look might decide anything."""
        has_suite = self.codes[0].shape[-1] > 1
        return any(bool((codes == OPEN).any()) for codes in (*self.codes, *(self.suite_codes if has_suite else ())))


def decide_suite(
    logs: Sequence[Array],  # (..., processes, benchmarks), logarithms in the order of recording
    is_head: Sequence[bool],  # (processes,)
    worse: Sequence[Array],  # (benchmarks,), above zero
    suite_worse: Sequence[float],
    plan: AnalysisPlan,
) -> Decided | None:
    """Look at the planned numbers of files until everything is decided; None where the first look needs more files.

    There is one array of `logs`, of margins `worse`, and one margin of the suite as a whole, per metric; the plan counts
    the files of the side that has fewer.
    """
    looks: list[SuiteAnalysis] = []
    codes: list[Codes] = []
    at: list[Codes] = []
    for num in plan.looks:
        end = _files_for(num, is_head)
        if end is None:
            break
        shown = tuple(changes_of(one[..., :end, :], is_head[:end]) for one in logs)
        slower, faster = (bounds(shown, plan.red_level, sign) for sign in (1, -1))
        look = SuiteAnalysis(num, shown, slower, faster)
        found = [_codes(look, index, margin, plan.level) for index, margin in enumerate(worse)]
        found += [_suite_codes(look, index, margin, plan.level) for index, margin in enumerate(suite_worse)]
        looks.append(look)
        is_new = [one == OPEN for one in codes] or [np.ones_like(one, dtype=bool) for one in found]
        place = [np.full_like(one, len(looks) - 1) for one in found]
        codes = [np.where(new, now, was) for new, now, was in zip(is_new, found, codes or found, strict=True)]
        at = [np.where(new, now, was) for new, now, was in zip(is_new, place, at or place, strict=True)]
    num_metrics = len(logs)
    if not looks:
        return None
    return Decided(
        tuple(codes[:num_metrics]),
        tuple(codes[num_metrics:]),
        tuple(at[:num_metrics]),
        tuple(at[num_metrics:]),
        tuple(looks),
        plan.level,
    )


def _files_for(num: int, is_head: Sequence[bool]) -> int | None:
    """Return how many files from the first on have `num` of each side; all files where one side has no more."""
    head = np.cumsum(is_head)
    base = np.arange(1, len(head) + 1) - head
    if min(head[-1], base[-1]) < num:
        return None
    if min(head[-1], base[-1]) == num:
        return len(head)
    return int(np.flatnonzero(np.minimum(head, base) >= num)[0]) + 1


def _codes(look: SuiteAnalysis, index: int, worse: Array, level: float) -> Codes:
    shown = look.shown[index]
    codes = np.where(shown.chance(worse, -1) < level, PASS, OPEN)
    codes = np.where(look.faster.is_slower[index] & shown.beyond(worse, -1), IMPROVED, codes)
    return np.where(look.slower.is_slower[index] & shown.beyond(worse), FAIL, codes).astype(np.int8)


def _suite_codes(look: SuiteAnalysis, index: int, worse: float, level: float) -> Codes:
    shown = look.shown[index]
    if shown.change.shape[-1] == 1:
        return np.full(shown.common.shape, OPEN, np.int8)
    below = special.stdtr(shown.common_degrees, (shown.common - worse) / shown.common_error)
    codes = np.where(below < level, PASS, OPEN)
    codes = np.where((look.faster.common_low(shown) > 0) & shown.beyond(worse, -1, suite=True), IMPROVED, codes)
    return np.where((look.slower.common_low(shown) > 0) & shown.beyond(worse, suite=True), FAIL, codes).astype(np.int8)
