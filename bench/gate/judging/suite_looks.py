"""A suite looked at as planned: what each benchmark, and the suite as a whole, was found to be at the first look that decides.

Each look at a suite may be wrong with red once in 400 gates, divided by the looks that are planned. A wrong green is
allowed per benchmark, as everywhere in the gate: five times in a hundred, divided likewise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from bench.gate.judging.sequential import Plan
from bench.gate.judging.suite import Bounds, Shown, bounds, show

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
    "LookAtSuite",
    "decide_suite",
    "suite_plan",
]

SUITE_RED_ALPHA = 0.0025
"""How often anything may be red of a suite whose head is unchanged: there is no rerun to confirm it."""

OPEN, PASS, IMPROVED, FAIL = range(4)


def suite_plan(looks: Sequence[int]) -> Plan:
    """Plan looks at so many files a side."""
    return Plan(looks=tuple(looks), red_alpha=SUITE_RED_ALPHA)


@dataclass(frozen=True, slots=True, eq=False)
class LookAtSuite:
    """All metrics of all benchmarks after so many files."""

    num_files: int
    """A side; of the side that has fewer."""
    shown: tuple[Shown, ...]
    """One a metric."""
    slower: Bounds
    faster: Bounds


@dataclass(frozen=True, slots=True, eq=False)
class Decided:
    """What the looks at a suite decided; one entry a metric."""

    codes: tuple[Codes, ...]
    """(..., benchmarks): OPEN, PASS, IMPROVED or FAIL."""
    suite_codes: tuple[Codes, ...]
    """(..., 1): the same of the suite as a whole; OPEN where it has one benchmark alone."""
    decided_at: tuple[Codes, ...]
    """(..., benchmarks): the number of the look that each code, or else the last state of it, is of."""
    suite_decided_at: tuple[Codes, ...]
    looks: tuple[LookAtSuite, ...]
    level: float
    """What a green may err by, at each look and for each benchmark."""

    @property
    def is_red(self) -> bool:
        """Whether anything is."""
        return any(bool((codes == FAIL).any()) for codes in (*self.codes, *self.suite_codes))

    @property
    def is_open(self) -> bool:
        """Whether anything is undecided that another look might decide."""
        has_suite = self.codes[0].shape[-1] > 1
        return any(bool((codes == OPEN).any()) for codes in (*self.codes, *(self.suite_codes if has_suite else ())))


def decide_suite(
    logs: Sequence[Array], is_head: Sequence[bool], worse: Sequence[Array], suite_worse: Sequence[float], plan: Plan
) -> Decided | None:
    """Look as planned until everything is decided; None where the first look needs more files.

    Args:
        logs: One a metric: (..., processes, benchmarks), logarithms in the order of recording.
        is_head: (processes,): which are of head.
        worse: One a metric: (benchmarks,), margins above zero.
        suite_worse: One a metric: the margin of the suite as a whole.
        plan: Looks at so many files of the side that has fewer.

    """
    looks: list[LookAtSuite] = []
    codes: list[Codes] = []
    at: list[Codes] = []
    for num in plan.looks:
        end = _files_for(num, is_head)
        if end is None:
            break
        shown = tuple(show(one[..., :end, :], is_head[:end]) for one in logs)
        slower, faster = (bounds(shown, plan.red_level, sign) for sign in (1, -1))
        look = LookAtSuite(num, shown, slower, faster)
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
    """Count the files, from the first, that hold so many of each side; all where these are all that one side has."""
    head = np.cumsum(is_head)
    base = np.arange(1, len(head) + 1) - head
    if min(head[-1], base[-1]) < num:
        return None
    if min(head[-1], base[-1]) == num:
        return len(head)
    return int(np.flatnonzero(np.minimum(head, base) >= num)[0]) + 1


def _codes(look: LookAtSuite, index: int, worse: Array, level: float) -> Codes:
    shown = look.shown[index]
    codes = np.where(shown.chance(worse, -1) < level, PASS, OPEN)
    codes = np.where(look.faster.is_slower[index] & shown.beyond(worse, -1), IMPROVED, codes)
    return np.where(look.slower.is_slower[index] & shown.beyond(worse), FAIL, codes).astype(np.int8)


def _suite_codes(look: LookAtSuite, index: int, worse: float, level: float) -> Codes:
    shown = look.shown[index]
    if shown.change.shape[-1] == 1:
        return np.full(shown.common.shape, OPEN, np.int8)
    below = special.stdtr(shown.common_degrees, (shown.common - worse) / shown.common_error)
    codes = np.where(below < level, PASS, OPEN)
    codes = np.where((look.faster.common_low(shown) > 0) & shown.beyond(worse, -1, suite=True), IMPROVED, codes)
    return np.where((look.slower.common_low(shown) > 0) & shown.beyond(worse, suite=True), FAIL, codes).astype(np.int8)
