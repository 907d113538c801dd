"""What is claimed of every two ranked strategies, made once: every output repeats these claims and adds none.

A difference is detected where the test over all pairs of a metric finds it (Holm, at 5 %) and the
95 % interval of the pair agrees. So a claim never contradicts the interval beside it, while an
interval may exclude "no change" and the difference still not be certain, because there are many
pairs: such a difference is `tentative`.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from bench.analysis.multiple_testing import holm
from bench.analysis.strategy_result import relative
from bench.records.metrics import METRICS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.analysis.intervals import Interval
    from bench.analysis.quality import Quality
    from bench.analysis.strategy_result import StrategyResult

__all__ = ["LEVEL", "NEGLIGIBLE", "Claim", "Claims", "claimed", "make_claims", "no_change"]

LEVEL = 0.05
"""The chance of detecting any difference in a metric where none exists, over all pairs."""

NEGLIGIBLE = {"difference": 0.01, "ratio": 0.05}
"""Differences that few would choose by: points of a share, and shares of the reference."""

Side = Literal[-1, 0, 1]


@dataclass(frozen=True, slots=True)
class Claim:
    """How one strategy stands to another in one metric."""

    who: str
    whom: str
    metric: str
    interval: Interval
    """Of `who` against `whom`, for this pair alone."""
    is_detected: bool
    """Whether the difference is certain, all pairs of the metric considered."""
    num_comparisons: int
    """Pairs that were tested in this metric, for which the test was corrected."""

    @property
    def leaning(self) -> Side:
        """Which way the interval alone points: 1 is better, -1 worse, 0 holds no change."""
        side = self.interval.side(no_change(self.metric)) or 0
        return side if METRICS[self.metric].better == "higher" else _SWAPPED[side]

    @property
    def standing(self) -> Side:
        """Whether `who` is detected to be better (1) or worse (-1) than `whom`, or they are tied (0)."""
        return self.leaning if self.is_detected else 0

    @property
    def tentative(self) -> Side:
        """Which way a difference points that the interval shows and the corrected test does not."""
        return 0 if self.is_detected else self.leaning

    @property
    def doubt(self) -> str:
        """Why a difference that an interval shows is not certain, in words."""
        if self.num_comparisons > 1:
            return f"not certain after correcting for {self.num_comparisons} comparisons"
        return "not certain by the exact test on the rows that differ"

    @property
    def turned(self) -> Claim:
        """The same, said of the other strategy."""
        there = self.interval
        back = there.inverse() if METRICS[self.metric].compare == "ratio" else there.negative()
        return replace(self, who=self.whom, whom=self.who, interval=back)


_SWAPPED: dict[Side, Side] = {-1: 1, 0: 0, 1: -1}


@dataclass(frozen=True, slots=True)
class Claims:
    """All claims of a comparison, to be looked up from either side."""

    quality: Quality
    known: dict[tuple[str, str, str], Claim]
    """By metric, who and against whom; both ways round."""

    def about(self, metric: str, who: str, whom: str) -> Claim | None:
        """Look up how one strategy stands to another; None where no interval tells."""
        return self.known.get((metric, who, whom))

    def standing(self, metric: str, who: str, whom: str) -> Side | None:
        """Whether one is detected to be better (1) or worse (-1) than the other, or they are tied (0); None: not compared."""
        claim = self.about(metric, who, whom)
        return None if claim is None else claim.standing


def no_change(metric: str) -> float:
    """The value of a comparison that says "the same"."""
    return 1.0 if METRICS[metric].compare == "ratio" else 0.0


def claimed(intervals: Sequence[Interval], same: float) -> tuple[Side, ...]:
    """Test several comparisons together: each is detected to lie above `same` (1), below (-1), or neither (0)."""
    tests = [interval.evidence.p_value if interval.evidence else 1.0 for interval in intervals]
    return tuple(
        (interval.side(same) or 0) if p_value <= LEVEL else 0
        for interval, p_value in zip(intervals, holm(tests), strict=True)
    )


def make_claims(results: Sequence[StrategyResult], quality: Quality) -> Claims:
    """Compare every strategy with those before it, of which the reference is the first, in speed, memory and quality."""
    known: dict[tuple[str, str, str], Claim] = {}
    for metric in quality.headlines:
        found = [
            (later.strategy, earlier.strategy, interval)
            for earlier, later in itertools.combinations(results, 2)
            if (interval := relative(later, earlier, metric)) and interval.evidence
        ]
        sides = claimed([interval for _, _, interval in found], no_change(metric))
        for (who, whom, interval), side in zip(found, sides, strict=True):
            claim = Claim(who, whom, metric, interval, bool(side), len(found))
            known[metric, who, whom], known[metric, whom, who] = claim, claim.turned
    return Claims(quality, known)
