"""Planned looks at a growing number of pairs, each at its part of the error that all may make together.

The unit is the process: one pair gives one number. Student's t on the logarithms of the ratios
keeps its level at 4 pairs already, where a percentile bootstrap does not; a look after every pair
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

    from bench.gate.judging.judgement import Word

__all__ = ["Look", "Plan", "decide", "smallest_shift", "take_look"]


@dataclass(frozen=True, slots=True)
class Plan:
    """When to look, and how wrong all looks together may be."""

    alpha: float = 0.05
    """One-sided."""
    looks: tuple[int, ...] = (4, 6, 8, 12)
    """Numbers of pairs, increasing, 2 at least."""
    red_alpha: float | None = None
    """The same for red alone, where it is to be rarer than a wrong green: there is no rerun to confirm it."""

    @property
    def level(self) -> float:
        """What each look may err by."""
        return self.alpha / len(self.looks)

    @property
    def red_level(self) -> float:
        """What each look may err by where it says red."""
        return self.level if self.red_alpha is None else self.red_alpha / len(self.looks)


@dataclass(frozen=True, slots=True)
class Look:
    """What the first pairs show of head against base; above zero is worse."""

    num_pairs: int
    estimate: float
    low: float
    high: float
    deviation: float
    """Of a single pair."""
    detectable: float
    """The smallest shift that would be found four times in five."""


def take_look(values: Sequence[float], level: float, red_level: float) -> Look:
    """Bound the mean of two values at least: from above wrong with probability `level`, from below `red_level`."""
    num, degrees = len(values), len(values) - 1
    estimate, deviation = float(np.mean(values)), float(np.std(values, ddof=1))
    error = deviation / math.sqrt(num)
    above, below = (_quantile(degrees, 1 - part) for part in (level, red_level))
    return Look(
        num,
        estimate,
        estimate - below * error,
        estimate + above * error,
        deviation,
        smallest_shift(num, deviation, red_level),
    )


def smallest_shift(num_values: int, deviation: float, red_level: float) -> float:
    """Give the smallest shift that so many values would find four times in five, where single ones deviate by so much."""
    degrees = num_values - 1
    return (_quantile(degrees, 1 - red_level) + _quantile(degrees, POWER)) * deviation / math.sqrt(num_values)


def _quantile(degrees: int, probability: float) -> float:
    """Of Student's t."""
    return float(special.stdtrit(degrees, probability))


def decide(values: Sequence[float], worse: float, better: float, plan: Plan) -> tuple[Word | None, Look | None]:
    """Look as planned until a look decides; the last look where none does, None where there are too few values.

    Args:
        values: Head against base, pair by pair; above zero is worse.
        worse: The margin, above zero: from here on it is a regression.
        better: Its mirror image, below zero: from here on it is an improvement.
        plan: When to look.

    """
    found = None
    for num in plan.looks:
        if num > len(values):
            break
        found = take_look(values[:num], plan.level, plan.red_level)
        if word := _word(found, worse, better):
            return word, found
    return None, found


def _word(look: Look, worse: float, better: float) -> Word | None:
    if look.low > 0 and look.estimate >= worse:
        return "FAIL"
    if look.high < 0 and look.estimate <= better:
        return "IMPROVED"
    if look.high >= worse:
        return None
    return "WARN" if look.low > 0 and look.estimate >= worse / 2 else "PASS"
