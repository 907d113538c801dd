"""Which of the ranked strategies differ: all pairs of them, in every metric that decides.

A difference is claimed where the test over all pairs of the metric finds it (Holm, at 5 %) and
the 95 % interval of the pair agrees. So a claim never contradicts the interval beside it, while
an interval may exclude "no change" and the difference still not be claimed, because there are
many pairs; such a tie is called narrow.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.metrics import METRICS
from bench.row import relative
from bench.ties import holm, letters

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.row import Row
    from bench.stats import Interval

__all__ = ["LEVEL", "Ranking", "claimed", "no_change", "rank"]

LEVEL = 0.05
"""The chance of claiming any difference in a metric where none exists, over all pairs."""

Standings = dict[tuple[str, str, str], int]


def no_change(metric: str) -> float:
    """The value of a comparison that says "the same"."""
    return 1.0 if METRICS[metric].compare == "ratio" else 0.0


@dataclass(frozen=True, slots=True)
class Ranking:
    """The ranked strategies, and what is claimed of every two of them."""

    names: tuple[str, ...]
    standings: Standings
    """By metric and two strategies in either order, where an interval tells: 1 if the first is claimed to be
    better, -1 if worse, 0 if they are tied."""
    letters: dict[str, dict[str, str]]
    """By metric and strategy: two share a letter exactly if no difference between them is claimed.

    "a" goes to the best. Empty for a metric in which no two can be compared.
    """
    dominated: dict[str, tuple[str, ...]]
    """By strategy: those that make it pointless; see `rank`."""

    def standing(self, metric: str, ours: str, theirs: str) -> int | None:
        """Say whether `ours` is claimed to be better (1) or worse (-1) than `theirs`, or tied (0); None: cannot be told."""
        return self.standings.get((metric, ours, theirs))

    @property
    def level(self) -> float:
        """The level that the strictest of the tests in one metric has to meet."""
        return LEVEL / max(1, len(self.names) * (len(self.names) - 1) // 2)

    @property
    def frontier(self) -> tuple[str, ...]:
        """The strategies that nothing dominates."""
        return tuple(name for name in self.names if not self.dominated[name])


def claimed(intervals: Sequence[Interval], same: float) -> tuple[int, ...]:
    """Say of each of several comparisons whether it is claimed to lie above `same` (1), below (-1), or neither (0)."""
    tests = [interval.evidence.p_value if interval.evidence else 1.0 for interval in intervals]
    return tuple(
        (interval.side(same) or 0) if p_value <= LEVEL else 0
        for interval, p_value in zip(intervals, holm(tests), strict=True)
    )


def rank(rows: Sequence[Row]) -> Ranking:
    """Compare all pairs of rows, the reference first, in speed, memory and quality.

    A strategy is dominated only if the intervals say so: another is claimed to be better in at
    least one metric, and worse in none. Where a metric has no interval (the memory of a single
    run), the other's value itself must not be worse.
    """
    names = tuple(row.strategy for row in rows)
    metrics = rows[0].quality.headlines if rows else ()
    found: Standings = {}
    for metric in metrics:
        found |= _standings(rows, metric)
    return Ranking(
        names=names,
        standings=found,
        letters={metric: _letters(rows, found, metric) for metric in metrics},
        dominated={
            row.strategy: tuple(other.strategy for other in rows if other is not row and _dominates(other, row, found))
            for row in rows
        },
    )


def _standings(rows: Sequence[Row], metric: str) -> Standings:
    """Compare every row with those before it, of which the reference is the first."""
    intervals = {
        (later.strategy, earlier.strategy): interval
        for earlier, later in itertools.combinations(rows, 2)
        if (interval := relative(later, earlier, metric)) and interval.evidence
    }
    sides = claimed(list(intervals.values()), no_change(metric))
    found: Standings = {}
    for (ours, theirs), side in zip(intervals, sides, strict=True):
        better = side if METRICS[metric].better == "higher" else -side
        found[metric, ours, theirs], found[metric, theirs, ours] = better, -better
    return found


def _letters(rows: Sequence[Row], found: Standings, metric: str) -> dict[str, str]:
    values = {row.strategy: value for row in rows if (value := row.means[metric]) is not None}
    best = sorted(values, key=values.__getitem__, reverse=METRICS[metric].better == "higher")
    pairs = [two for two in itertools.combinations(best, 2) if (metric, *two) in found]
    return letters(best, (two for two in pairs if found[metric, *two])) if pairs else {}


def _dominates(other: Row, row: Row, found: Standings) -> bool:
    standings = {metric: found.get((metric, other.strategy, row.strategy)) for metric in row.quality.headlines}
    return 1 in standings.values() and all(
        _not_worse(other, row, metric) if standing is None else standing >= 0 for metric, standing in standings.items()
    )


def _not_worse(other: Row, row: Row, metric: str) -> bool:
    """Compare the values themselves; unknown values are no reason."""
    ours, theirs = other.means[metric], row.means[metric]
    if ours is None or theirs is None:
        return False
    return ours >= theirs if METRICS[metric].better == "higher" else ours <= theirs
