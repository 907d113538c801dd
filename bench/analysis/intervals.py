"""Intervals for comparisons: paired, two-sided, and honest about how little they rest on.

Samples are keyed by seed and paired by it. Where a single seed is all there is, its own steps give an interval that
speaks of "this run only". Percentile bootstraps are not used: at a handful of seeds they claim far too much.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal, TypeVar

import numpy as np
from scipy import special

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

__all__ = [
    "RISK",
    "THIS_RUN",
    "Evidence",
    "Interval",
    "Samples",
    "Z",
    "another",
    "difference",
    "mean",
    "paired",
    "ratio",
    "step_mean",
    "step_ratio",
    "t_interval",
]

THIS_RUN = "this run only"
"""Ends the method of an interval that says nothing about another seed."""

RISK = 0.05
"""Of the intervals, which hold 95 % between two tails, where no other is asked for."""
Z = float(special.ndtri(1 - RISK / 2))
"""Standard errors to either bound, by the normal distribution."""

T = TypeVar("T")

_MAX_LOGARITHM = 250.0
"""Two seeds that differ by orders of magnitude have bounds beyond any number: no factor is above 1e108."""

_BLOCK = 4
"""Steps that a block holds at least."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a difference rests on, on the scale that it was taken on: logarithms for a ratio."""

    p_value: float
    """Of no change, two-sided."""
    standard_error: float
    degrees: float
    """Of freedom; infinite where the rows of one run were compared."""


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate between two bounds; the bounds are None where nothing supports them."""

    estimate: float
    low: float | None
    high: float | None
    method: str
    evidence: Evidence | None = None
    """Of a ratio or a difference that has bounds."""

    @property
    def this_run_only(self) -> bool:
        """Whether the bounds come from within one run."""
        return self.bounds is not None and self.method.endswith(THIS_RUN)

    @property
    def bounds(self) -> tuple[float, float] | None:
        """Both bounds, or None."""
        return None if self.low is None or self.high is None else (self.low, self.high)

    def side(self, value: float) -> Literal[-1, 0, 1] | None:
        """Whether the interval lies above `value` (1), below (-1), or holds it (0); None without bounds."""
        if self.bounds is None:
            return None
        low, high = self.bounds
        return 1 if low > value else -1 if high < value else 0

    def inverse(self) -> Interval:
        """Turn a ratio of times into a ratio of speeds, and back."""
        low, high = (None if bound is None else 1 / bound for bound in (self.high, self.low))
        return replace(self, estimate=1 / self.estimate, low=low, high=high)

    def negative(self) -> Interval:
        """Turn a difference round."""
        low, high = (None if bound is None else -bound for bound in (self.high, self.low))
        return replace(self, estimate=-self.estimate, low=low, high=high)

    def with_fixed(self, ours: float, theirs: float, varying: float) -> Interval:
        """Turn the ratio of varying parts into that of whole sums, whose fixed parts are `ours` and `theirs`.

        `varying` is the varying part of the denominator, which this is a ratio to.
        """

        def whole(ratio: float) -> float:
            return (ours + ratio * varying) / (theirs + varying)

        low, high = (None if bound is None else whole(bound) for bound in (self.low, self.high))
        changed = replace(self, estimate=whole(self.estimate), low=low, high=high)
        if self.evidence is None:
            return changed
        error, degrees = self.evidence.standard_error, self.evidence.degrees
        equal = (theirs + varying - ours) / varying  # the ratio at which both sums are the same
        distance = abs(math.log(self.estimate / equal)) if equal > 0 else math.inf
        p_value = 2 * float(special.stdtr(degrees, -distance / error)) if error else float(distance == 0)
        share = self.estimate * varying / (ours + self.estimate * varying)
        return replace(changed, evidence=Evidence(p_value, share * error, degrees))

    def around(self, estimate: float) -> Interval:
        """Take another estimate, widening the bounds until they hold it."""
        low = None if self.low is None else min(self.low, estimate)
        high = None if self.high is None else max(self.high, estimate)
        return replace(self, estimate=estimate, low=low, high=high)


class Samples(dict[int, float]):
    """Values by seed, which become arrays once, however often they are compared."""

    @classmethod
    def of(cls, values: Mapping[int, float]) -> Samples:
        """Take values as they are, if they are samples already."""
        return values if isinstance(values, cls) else cls(values)

    @cached_property
    def _arrays(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        num = len(self)
        return np.fromiter(self, np.int64, num), np.fromiter(self.values(), np.float64, num)

    def beside(self, other: Samples) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the values of the common seeds, those of each seed at the same place."""
        (seeds, values), (other_seeds, other_values) = self._arrays, other._arrays
        if np.array_equal(seeds, other_seeds):
            return values, other_values
        _, ours, theirs = np.intersect1d(seeds, other_seeds, assume_unique=True, return_indices=True)
        return values[ours], other_values[theirs]


def mean(samples: Mapping[int, float]) -> Interval:
    """Mean over seeds with its t interval."""
    return replace(t_interval(list(samples.values()), f"t over {len(samples)} seeds"), evidence=None)


def another(samples: Mapping[int, float], risk: float = RISK) -> Interval:
    """Bound the value of a run with another seed: the mean over seeds with its prediction interval by Student's t."""
    found = t_interval(list(samples.values()), f"t for another run, from {len(samples)} seeds", risk=risk)
    if found.high is None:
        return found
    half = (found.high - found.estimate) * math.sqrt(len(samples) + 1)  # the mean's own error, and that of one run
    return replace(found, low=found.estimate - half, high=found.estimate + half)


def ratio(samples: Mapping[int, float], reference: Mapping[int, float]) -> Interval | None:
    """Geometric mean of the ratios by seed, with a t interval on their logarithms.

    None without a common seed, and where a sample is not above zero.
    """
    ours, theirs = Samples.of(samples).beside(Samples.of(reference))
    if not ours.size or min(ours.min(), theirs.min()) <= 0:
        return None
    with np.errstate(over="ignore", under="ignore", divide="ignore"):
        logs = np.clip(np.log(ours / theirs), -_MAX_LOGARITHM, _MAX_LOGARITHM)
    return _exp(t_interval(logs, f"paired t over {len(ours)} seeds"))


def difference(
    samples: Mapping[int, float], reference: Mapping[int, float], *, least_deviation: float = 0.0
) -> Interval | None:
    """Mean of the differences by seed, with a paired t interval; None without a common seed."""
    ours, theirs = Samples.of(samples).beside(Samples.of(reference))
    if not ours.size:
        return None
    return t_interval(ours - theirs, f"paired t over {len(ours)} seeds", least_deviation=least_deviation)


def step_ratio(steps: Sequence[float], reference_steps: Sequence[float]) -> Interval:
    """Ratio of the step times of one seed, paired by step, since both arms see the same batches.

    The logarithms of the ratios are averaged over blocks and the t interval is over blocks, so
    that neighbouring steps that drift together do not count as independent (batch means:
    Schmeiser, 1982). Blocks hold 4 steps at least, and there are at most 1 + 0.4 n^(2/3) of them:
    as many as the degrees of freedom that keep the size of a test under autocorrelation (Lazarus,
    Lewis, Stock and Watson, 2018). Where neighbouring steps correlate by 0.4, 95 % intervals over
    30 steps cover 95 %, by 0.7 they cover 93 %. Fewer than two blocks give no bounds.

    Raises:
        ValueError: the two runs took different numbers of steps, or none.

    """
    logs = np.log([ours / theirs for ours, theirs in zip(steps, reference_steps, strict=True)])
    if not len(logs):
        raise ValueError("no steps to compare")
    return _exp(_over_blocks(logs))


def step_mean(steps: Sequence[float], risk: float = RISK) -> Interval:
    """Mean step time of one run, by the blocks of `step_ratio`; there is at least one step."""
    return _over_blocks(np.asarray(steps), risk)


def paired(samples: Mapping[int, T], reference: Mapping[int, T]) -> list[tuple[T, T]]:
    """Pair two samples by their common seeds, in order."""
    return [(samples[seed], reference[seed]) for seed in sorted(samples.keys() & reference.keys())]


def t_interval(
    values: Sequence[float] | NDArray[np.float64], method: str, *, least_deviation: float = 0.0, risk: float = RISK
) -> Interval:
    """Bound a mean by its t interval and test it against zero; without bounds for a single value.

    The values are never taken to vary by less than `least_deviation`. The two tails together hold the share `risk`.
    """
    estimate, degrees = float(np.mean(values)), len(values) - 1
    if not degrees:
        return Interval(estimate, None, None, "one value, no interval")
    error = max(float(np.std(values, ddof=1)), least_deviation) / math.sqrt(len(values))
    half = float(special.stdtrit(degrees, 1 - risk / 2)) * error
    p_value = 2 * float(special.stdtr(degrees, -abs(estimate) / error)) if error else float(estimate == 0)
    return Interval(estimate, estimate - half, estimate + half, method, Evidence(p_value, error, degrees))


def _over_blocks(values: NDArray[np.float64], risk: float = RISK) -> Interval:
    num_blocks = max(1, min(len(values) // _BLOCK, 1 + int(0.4 * len(values) ** (2 / 3))))
    blocks = [float(block.mean()) for block in np.array_split(values, num_blocks)]
    return t_interval(blocks, f"t over {num_blocks} blocks of steps, {THIS_RUN}", risk=risk)


def _exp(interval: Interval) -> Interval:
    low, high = (None if bound is None else _factor(bound) for bound in (interval.low, interval.high))
    return replace(interval, estimate=_factor(interval.estimate), low=low, high=high)


def _factor(logarithm: float) -> float:
    """Undo a logarithm, as far as both the factor and its inverse are numbers to go on with."""
    return math.exp(max(-_MAX_LOGARITHM, min(_MAX_LOGARITHM, logarithm)))
