"""Statistics of a whole suite: the change of every benchmark and of all together, and how certain each is.

The change of a benchmark is the sum of a part that the suite shares and a part of its own. The shared
part varies with the processes, however many benchmarks there are, and is bounded with their degrees of
freedom. The own part has a variance that is pooled over the suite, and is tested by Holm's procedure over
all benchmarks and metrics. Each part has half of the error probability, so that the sum of both bounds
holds for every benchmark at once, however the parts are correlated. Nothing is subtracted: a machine that
slows all of head makes head slower.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from bench.gate.judging.moderated import moderate
from bench.gate.judging.turns import Turns, turns_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["FEWEST_POOLED", "Bounds", "SuiteChanges", "bounds", "changes_of", "holm_levels"]

FEWEST_POOLED = 8
"""The fewest benchmarks whose variance is pooled; fewer are each tested alone."""


@dataclass(frozen=True, slots=True, eq=False)
class SuiteChanges:
    """The changes of one metric in every benchmark, on the logarithmic scale; above zero is slower."""

    change: Array
    """(..., benchmarks)."""
    plain_change: Array
    """(..., benchmarks): the same without a trend over the turns."""
    own_error: Array
    """(..., benchmarks): standard error of the part that a benchmark does not share with the suite."""
    own_degrees: Array
    """(..., 1)."""
    common: Array
    """(..., 1): the mean change of the suite."""
    common_error: Array
    """(..., 1)."""
    common_degrees: int
    is_pooled: bool
    """Whether the common part was separated from the own one."""

    def common_bound(self, level: float) -> Array:
        """Return how far the true common part may be below the estimate, at `level`; 0 where there is no common part."""
        if not self.is_pooled:
            return np.zeros_like(self.common)
        return np.asarray(special.stdtrit(self.common_degrees, 1 - level) * self.common_error)

    def beyond(self, value: Array | float, sign: int = 1, *, suite: bool = False) -> NDArray[np.bool_]:
        """Whether the change of each benchmark is `value` or more in the direction of `sign`, with the trend and without.

        For the suite, this must also hold for half of its benchmarks, so that one much slower benchmark is not enough.
        """
        both = (sign * self.change, sign * self.plain_change)
        if not suite:
            return np.asarray(np.minimum(*both) >= value)
        middles = [of(each, axis=-1, keepdims=True) for each in both for of in (np.mean, np.median)]
        return np.asarray(np.min(middles, axis=0) >= value)

    @property
    def error(self) -> Array:
        """Standard error of the whole change of each benchmark."""
        return np.hypot(self.own_error, self.common_error) if self.is_pooled else self.own_error

    @property
    def degrees(self) -> Array:
        """Degrees of freedom of that error (Satterthwaite, 1946)."""
        if not self.is_pooled:
            return np.broadcast_to(self.own_degrees, self.change.shape)
        parts = self.own_error**4 / self.own_degrees + self.common_error**4 / self.common_degrees
        return np.asarray(self.error**4 / parts)

    def chance(self, value: Array | float, sign: int = 1) -> Array:
        """Return the p-value of each change against `value`: one-sided, above (below, with sign -1)."""
        return np.asarray(special.stdtr(self.degrees, -sign * (self.change - value) / self.error))


def changes_of(logs: Array, is_head: Sequence[bool]) -> SuiteChanges:
    """Estimate the changes of one metric from its logarithms, (..., processes, benchmarks), in the order of recording."""
    turns = turns_of(tuple(is_head))
    change = turns.contrast @ logs
    residuals = turns.residual_maker @ logs
    common, shared = change.mean(-1, keepdims=True), residuals.mean(-1, keepdims=True)
    common_error = _error(shared, turns)
    is_pooled = logs.shape[-1] >= FEWEST_POOLED
    if is_pooled:
        variance, degrees = moderate(residuals - shared, turns.degrees)
        error = np.sqrt(turns.variance * variance)
    else:
        error, degrees = _error(residuals, turns), np.full((*change.shape[:-1], 1), float(turns.degrees))
    return SuiteChanges(
        change, turns.plain_contrast @ logs, error, degrees, common, common_error, turns.degrees, is_pooled
    )


def holm_levels(chances: Array, level: float) -> Array:
    """Return the level of each of these p-values, which is significant where not above it (Holm, 1979)."""
    num = chances.shape[-1]
    order = np.argsort(chances, axis=-1)
    steps = level / (num - np.arange(num))
    found = np.cumprod(np.take_along_axis(chances, order, -1) <= steps, axis=-1).sum(-1, keepdims=True)
    ordered = steps[np.minimum(np.arange(num), np.minimum(found, num - 1))]
    levels = np.empty_like(chances)
    np.put_along_axis(levels, order, ordered, -1)
    return levels


@dataclass(frozen=True, slots=True, eq=False)
class Bounds:
    """Bounds that hold simultaneously for every benchmark of every metric, at one level; one entry per metric."""

    is_slower: tuple[NDArray[np.bool_], ...]
    """(..., benchmarks): certainly slower."""
    levels: tuple[Array, ...]
    """(..., benchmarks): the level of each own part."""
    common_level: float
    """The level of each common part."""
    sign: int

    def low(self, index: int, shown: SuiteChanges) -> Array:
        """Return the lower bound of each benchmark's change, times `sign`."""
        distance = special.stdtrit(shown.own_degrees, 1 - self.levels[index]) * shown.own_error
        return np.asarray(self.sign * shown.change - shown.common_bound(self.common_level) - distance)

    def common_low(self, shown: SuiteChanges) -> Array:
        """Return the lower bound of the suite's change, times `sign`."""
        quantile = special.stdtrit(shown.common_degrees, 1 - self.common_level)
        return np.asarray(self.sign * shown.common - quantile * shown.common_error)


def bounds(shown: Sequence[SuiteChanges], level: float, sign: int = 1) -> Bounds:
    """Return simultaneous bounds of all benchmarks and metrics at one level; with a sign of -1, of being faster."""
    # Half for the shared part, which is a finding of its own, and half for the own parts.
    own_level, common_level = level / 2, level / 2 / len(shown)
    chances = [
        np.asarray(special.stdtr(one.own_degrees, (one.common_bound(common_level) - sign * one.change) / one.own_error))
        for one in shown
    ]
    together = np.concatenate(chances, axis=-1)
    levels = holm_levels(together, own_level)
    ends = np.cumsum([one.change.shape[-1] for one in shown])[:-1]
    return Bounds(tuple(np.split(together <= levels, ends, -1)), tuple(np.split(levels, ends, -1)), common_level, sign)


def _error(residuals: Array, turns: Turns) -> Array:
    """Return the standard error of a change whose residuals are (..., processes, n)."""
    variance = np.maximum((residuals**2).sum(-2) / turns.degrees, 1e-12)
    return np.asarray(np.sqrt(turns.variance * variance))
