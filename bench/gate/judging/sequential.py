"""Interim analyses (looks) at planned numbers of pairs, which share the error probability of a group-sequential test.

The unit is the process: one pair is one number. Student's t on the logarithms of the ratios
keeps its level from 4 pairs on, where a percentile bootstrap does not; a look after every pair
at the full level would make every fifth unchanged head red.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from bench.analysis.power import POWER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.gate.judging.judgement import Verdict

__all__ = ["AnalysisPlan", "InterimAnalysis", "analyse", "decide", "share_of", "smallest_shift"]


@dataclass(frozen=True, slots=True)
class AnalysisPlan:
    """When to analyse, and the error probability of all looks together."""

    alpha: float = 0.05
    """One-sided error probability of all looks."""
    looks: tuple[int, ...] = (4, 6, 8, 12)
    """Numbers of pairs at which to look, increasing, at least 2."""
    red_alpha: float | None = None
    """The error probability of red, where that must be rarer than a wrong green: there is no rerun to confirm it."""

    @property
    def level(self) -> float:
        """The error probability of each look."""
        return self.alpha / len(self.looks)

    @property
    def red_level(self) -> float:
        """The error probability of red at each look."""
        return self.level if self.red_alpha is None else self.red_alpha / len(self.looks)


@dataclass(frozen=True, slots=True)
class InterimAnalysis:
    """The difference of head from base in the first pairs; above zero is worse."""

    num_pairs: int
    estimate: float
    low: float
    high: float
    deviation: float
    """Standard deviation of a single pair."""
    detectable: float
    """The smallest shift that would be found with 80 % probability."""


def analyse(values: Sequence[float], level: float, red_level: float) -> InterimAnalysis:
    """Bound the mean of at least two values; the upper bound errs with probability `level`, the lower with `red_level`."""
    num, degrees = len(values), len(values) - 1
    estimate, deviation = float(np.mean(values)), float(np.std(values, ddof=1))
    error = deviation / math.sqrt(num)
    above, below = (_quantile(degrees, 1 - part) for part in (level, red_level))
    return InterimAnalysis(
        num,
        estimate,
        estimate - below * error,
        estimate + above * error,
        deviation,
        smallest_shift(num, deviation, red_level),
    )


def smallest_shift(num_values: int, deviation: float, red_level: float) -> float:
    """Return the smallest shift that `num_values` values of this standard deviation find with 80 % probability."""
    degrees = num_values - 1
    return (_quantile(degrees, 1 - red_level) + _quantile(degrees, POWER)) * deviation / math.sqrt(num_values)


def share_of(log: float) -> float:
    """Return a difference of logarithms as a share, at most a huge finite one: infinity is not valid JSON."""
    return math.expm1(min(log, 700.0))


def _quantile(degrees: int, probability: float) -> float:
    """Return a quantile of Student's t."""
    return float(special.stdtrit(degrees, probability))


def decide(
    values: Sequence[float], worse: float, better: float, plan: AnalysisPlan
) -> tuple[Verdict | None, InterimAnalysis | None]:
    """Return the verdict of the first look that decides, and that look; without a verdict, the last look, if there is any.

    The values are head against base, pair by pair, above zero where head is worse: from the margin `worse` on it is a
    regression, from `better`, below zero, an improvement.
    """
    found = None
    for num in plan.looks:
        if num > len(values):
            break
        found = analyse(values[:num], plan.level, plan.red_level)
        if word := _verdict(found, worse, better):
            return word, found
    return None, found


def _verdict(look: InterimAnalysis, worse: float, better: float) -> Verdict | None:
    if look.low > 0 and look.estimate >= worse:
        return "FAIL"
    if look.high < 0 and look.estimate <= better:
        return "IMPROVED"
    if look.high >= worse:
        return None
    return "WARN" if look.low > 0 and look.estimate >= worse / 2 else "PASS"
