"""What a comparison could have detected, and how much more data would settle what it could not."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from scipy import special

if TYPE_CHECKING:
    from bench.analysis.intervals import Evidence, Interval

__all__ = ["POWER", "detectable", "rows_needed", "rows_to_exceed", "seeds_needed", "seeds_to_predict"]

POWER = 0.8
"""The chance with which a difference of the size spoken of would be detected."""

_MOST_SEEDS = 100


def detectable(evidence: Evidence, level: float) -> float:
    """The smallest difference that a test at `level` would have detected, on the scale of the evidence."""
    return _quantiles(evidence.degrees, level) * evidence.standard_error


def seeds_needed(interval: Interval, effect: float, level: float) -> int | None:
    """How many seeds would detect `effect`, if they vary as those that were seen.

    A single run knows nothing of how runs vary, so its number is a lower bound. None is more
    than 100, or an interval without bounds.
    """
    evidence = interval.evidence
    if evidence is None:
        return None
    num_seen = 1 if interval.this_run_only else evidence.degrees + 1
    deviation = evidence.standard_error * math.sqrt(num_seen)
    enough = (
        num for num in range(2, _MOST_SEEDS + 1) if _quantiles(num - 1, level) * deviation <= effect * math.sqrt(num)
    )
    return next(enough, None)


def seeds_to_predict(interval: Interval, bound: float, risk: float) -> int | None:
    """How many seeds would show that another run keeps below a bound, or above it, if runs vary as those that were seen.

    The interval is `bench.analysis.intervals.another`'s. None is more than 100, or that runs vary too much for any number.
    """
    evidence = interval.evidence
    if evidence is None:
        return None
    deviation, distance = evidence.standard_error * math.sqrt(evidence.degrees + 1), abs(interval.estimate - bound)

    if not deviation:
        return 2 if distance else None
    enough = (num for num in range(2, _MOST_SEEDS + 1) if _shown(num, distance / deviation, risk))
    return next(enough, None)


def _shown(num: int, distance: float, risk: float) -> bool:
    """Whether so many seeds would likely show where another run lies, by the noncentral t; `distance` is in deviations."""
    bound = float(special.stdtrit(num - 1, 1 - risk / 2)) * math.sqrt(num + 1)
    return bool(special.nctdtr(num - 1, distance * math.sqrt(num), bound) <= 1 - POWER)


def rows_needed(interval: Interval, num_rows: int, effect: float, level: float) -> int | None:
    """How many evaluation rows would detect `effect`, by the rows of one run (Connor, Biometrics 43, 1987).

    None where the interval is not of the `num_rows` rows of one run.
    """
    evidence = interval.evidence
    if evidence is None or not math.isinf(evidence.degrees):
        return None
    return math.ceil(num_rows * (detectable(evidence, level) / effect) ** 2)


def rows_to_exceed(share: float, bound: float, level: float = 0.05, *, variance: float | None = None) -> int:
    """How many rows would show that a share lies above a lower bound; `variance` is that of a row, else of right or wrong."""
    of_a_row = share * (1 - share) if variance is None else variance
    return math.ceil(of_a_row * (_quantiles(math.inf, level) / (share - bound)) ** 2)


def _quantiles(degrees: float, level: float) -> float:
    """The sum of the quantiles for the level, two-sided, and for the power."""
    points = (1 - level / 2, POWER)
    if math.isinf(degrees):
        return float(sum(special.ndtri(point) for point in points))
    return float(sum(special.stdtrit(degrees, point) for point in points))
