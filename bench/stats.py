"""Intervals for comparisons: paired, two-sided, and honest about how little they rest on.

Samples are keyed by seed and paired by it. Where a single seed is all there is, its own steps
or rows give an interval that speaks of "this run only". Percentile bootstraps are not used:
at a handful of seeds they claim far too much.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeVar

import numpy as np
from scipy import optimize, special, stats

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "THIS_RUN",
    "Interval",
    "accuracy_difference",
    "difference",
    "mean",
    "pareto",
    "ratio",
    "step_ratio",
    "wilson",
]

THIS_RUN = "this run only"
"""Ends the method of an interval that says nothing about another seed."""

T = TypeVar("T")

_BLOCK = 4
_MAX_BLOCKS = 30


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate between two bounds; the bounds are None where nothing supports them."""

    estimate: float
    low: float | None
    high: float | None
    method: str

    @property
    def this_run_only(self) -> bool:
        """Whether the bounds come from within one run."""
        return self.bounds is not None and self.method.endswith(THIS_RUN)

    @property
    def bounds(self) -> tuple[float, float] | None:
        """Both bounds, or None."""
        return None if self.low is None or self.high is None else (self.low, self.high)

    def side(self, value: float) -> Literal[-1, 0, 1] | None:
        """Say whether the interval lies above `value` (1), below (-1), or holds it (0); None without bounds."""
        if self.bounds is None:
            return None
        low, high = self.bounds
        return 1 if low > value else -1 if high < value else 0

    def inverse(self) -> Interval:
        """Turn a ratio of times into a ratio of speeds, and back."""
        low, high = (None if bound is None else 1 / bound for bound in (self.high, self.low))
        return replace(self, estimate=1 / self.estimate, low=low, high=high)

    def around(self, estimate: float) -> Interval:
        """Take another estimate, widening the bounds until they hold it."""
        low = None if self.low is None else min(self.low, estimate)
        high = None if self.high is None else max(self.high, estimate)
        return replace(self, estimate=estimate, low=low, high=high)


def wilson(correct: float, total: int, confidence: float = 0.95) -> Interval:
    """Score interval of a share (Wilson, 1927): `correct` of `total` rows."""
    z = _z(confidence)
    share = correct / total
    centre = (share + z**2 / (2 * total)) / (1 + z**2 / total)
    half = z / (1 + z**2 / total) * math.sqrt(share * (1 - share) / total + z**2 / (4 * total**2))
    return Interval(share, max(0.0, centre - half), min(1.0, centre + half), f"Wilson, {THIS_RUN}")


def mean(samples: Mapping[int, float], confidence: float = 0.95) -> Interval:
    """Mean over seeds with its t interval."""
    return _t(list(samples.values()), confidence, f"t over {len(samples)} seeds")


def ratio(samples: Mapping[int, float], reference: Mapping[int, float], confidence: float = 0.95) -> Interval | None:
    """Geometric mean of the ratios by seed, with a t interval on their logarithms.

    None without a common seed, and where a sample is not above zero.
    """
    pairs = _pairs(samples, reference)
    if not pairs or any(min(pair) <= 0 for pair in pairs):
        return None
    logs = [math.log(ours / theirs) for ours, theirs in pairs]
    return _exp(_t(logs, confidence, f"paired t over {len(pairs)} seeds"))


def difference(
    samples: Mapping[int, float], reference: Mapping[int, float], confidence: float = 0.95
) -> Interval | None:
    """Mean of the differences by seed, with a paired t interval; None without a common seed."""
    pairs = _pairs(samples, reference)
    if not pairs:
        return None
    return _t([ours - theirs for ours, theirs in pairs], confidence, f"paired t over {len(pairs)} seeds")


def step_ratio(steps: Sequence[float], reference_steps: Sequence[float], confidence: float = 0.95) -> Interval:
    """Ratio of the step times of one seed, paired by step, since both arms see the same batches.

    The logarithms of the ratios are averaged over 30 blocks at most, each of 4 steps at least,
    so that neighbouring steps that drift together do not count as independent (batch means:
    Schmeiser, 1982); the t interval is over blocks. Fewer than two blocks give no bounds.

    Raises:
        ValueError: the two runs took different numbers of steps, or none.

    """
    logs = np.log([ours / theirs for ours, theirs in zip(steps, reference_steps, strict=True)])
    if not len(logs):
        raise ValueError("no steps to compare")
    num_blocks = min(max(len(logs) // _BLOCK, 1), _MAX_BLOCKS)
    blocks = [float(block.mean()) for block in np.array_split(logs, num_blocks)]
    return _exp(_t(blocks, confidence, f"t over {num_blocks} blocks of steps, {THIS_RUN}"))


def accuracy_difference(
    correct: Mapping[int, str], reference: Mapping[int, str], confidence: float = 0.95
) -> Interval | None:
    """Difference of two accuracies on the same rows, from strings of "1" (right) and "0" by seed.

    Several common seeds give a paired t interval over seeds, whose spread is never taken to be
    finer than the rounding to whole rows. One gives the score interval for paired shares (Tango,
    Statistics in Medicine 17, 1998), which holds zero exactly if McNemar's test finds nothing.
    None without a common seed.

    Raises:
        ValueError: the rows are not the same number in both arms.

    """
    pairs = _pairs(correct, reference)
    if not pairs:
        return None
    if any(len(ours) != len(theirs) for ours, theirs in pairs):
        raise ValueError("accuracies are compared on the same rows; these are of different number")
    if len(pairs) == 1:
        return _tango(*pairs[0], confidence)
    differences = [(ours.count("1") - theirs.count("1")) / len(ours) for ours, theirs in pairs]
    rounding = 1 / (len(pairs[0][0]) * math.sqrt(12))
    return _t(differences, confidence, f"paired t over {len(pairs)} seeds", least_deviation=rounding)


def pareto(points: Sequence[tuple[float, ...]]) -> tuple[bool, ...]:
    """Say which points no other point beats: at least as high in everything and higher in something."""
    return tuple(
        not any(other != point and all(o >= p for o, p in zip(other, point, strict=True)) for other in points)
        for point in points
    )


def _z(confidence: float) -> float:
    return float(special.ndtri((1 + confidence) / 2))


def _pairs(samples: Mapping[int, T], reference: Mapping[int, T]) -> list[tuple[T, T]]:
    return [(samples[seed], reference[seed]) for seed in sorted(samples.keys() & reference.keys())]


def _t(values: Sequence[float], confidence: float, method: str, *, least_deviation: float = 0.0) -> Interval:
    """Bound a mean by its t interval; without bounds for a single value."""
    estimate = float(np.mean(values))
    if len(values) == 1:
        return Interval(estimate, None, None, "one value, no interval")
    deviation = max(float(np.std(values, ddof=1)), least_deviation)
    half = float(stats.t.ppf((1 + confidence) / 2, len(values) - 1)) * deviation / math.sqrt(len(values))
    return Interval(estimate, estimate - half, estimate + half, method)


def _exp(interval: Interval) -> Interval:
    low, high = (None if bound is None else math.exp(bound) for bound in (interval.low, interval.high))
    return replace(interval, estimate=math.exp(interval.estimate), low=low, high=high)


def _tango(ours: str, theirs: str, confidence: float) -> Interval:
    gained = sum(a > b for a, b in zip(ours, theirs, strict=True))
    lost = sum(a < b for a, b in zip(ours, theirs, strict=True))
    total, z = len(ours), _z(confidence)
    low, high = -_tango_bound(lost, gained, total, z), _tango_bound(gained, lost, total, z)
    return Interval((gained - lost) / total, low, high, f"paired score interval, {THIS_RUN}")


def _tango_bound(gained: int, lost: int, total: int, z: float) -> float:
    """Upper bound of (gained - lost) / total: where the squared score statistic reaches z squared."""

    def excess(delta: float) -> float:
        a, b, c = 2 * total, (2 * total - gained + lost) * delta - gained - lost, -lost * delta * (1 - delta)
        share_lost = (math.sqrt(max(b * b - 4 * a * c, 0.0)) - b) / (2 * a)
        variance = total * (2 * share_lost + delta * (1 - delta))
        return (gained - lost - total * delta) ** 2 - z * z * variance

    just_above = (gained - lost) / total + 1e-9  # at the estimate itself the statistic may be 0 / 0
    return float(optimize.brentq(excess, just_above, 1.0)) if just_above < 1 else 1.0
