"""What is maximized among the strategies that fit, and what the comparison claims of every two of them in it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.analysis import intervals
from bench.analysis.claims import claimed
from bench.analysis.quality import SPEED
from bench.recommending.quantities import reached
from bench.records.metrics import METRICS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bench.analysis.claims import Side
    from bench.analysis.intervals import Interval
    from bench.analysis.ranking import Ranking
    from bench.analysis.strategy_result import StrategyResult
    from bench.experiment.budget import Budget

__all__ = ["Objective", "objective_of"]


@dataclass(frozen=True, slots=True)
class Objective:
    """What is maximized."""

    ranking: Ranking
    metric: str | None
    """Of those that are ranked by; None is the time to an accuracy."""
    word: str
    """What a sentence calls it."""
    best: str
    """What the strategy is that is ahead in it."""
    values: Mapping[str, float]
    """By strategy, the higher the better."""
    times: Mapping[tuple[str, str], tuple[Interval, Side]]
    """Of times to an accuracy alone: by two strategies the ratio, and whether the first is shown to be quicker (1) or slower (-1)."""

    def standing(self, who: str, whom: str) -> Side | None:
        """Whether one is shown to be better (1) or worse (-1) in it than another, or they are tied (0); None: not compared."""
        if self.metric is not None:
            return self.ranking.claims.standing(self.metric, who, whom)
        return self.times[who, whom][1] if (who, whom) in self.times else None

    def choose(self, fitting: Sequence[StrategyResult]) -> StrategyResult:
        """Choose among strategies: of those that none is shown to beat, the best value that no other makes pointless.

        So the choice never contradicts the comparison's own claims. Of two that are tied in what is maximized, one that
        is shown to be better in something else and worse in nothing is preferred, unless it looks worse in the former.
        """
        unbeaten = [
            one for one in fitting if all(self.standing(other.strategy, one.strategy) != 1 for other in fitting)
        ] or fitting
        names = {one.strategy for one in unbeaten}
        worth = [one for one in unbeaten if not names & set(self._dominators(one.strategy))] or unbeaten
        return max(worth, key=lambda one: self.values.get(one.strategy, float("-inf")))

    def _dominators(self, name: str) -> Sequence[str]:
        """Those that make a strategy pointless, and do not look worse in what is maximized."""
        return [other for other in self.ranking.dominated[name] if self._leaning(other, name) != -1]

    def _leaning(self, who: str, whom: str) -> Side | None:
        """Which way the interval of two alone points: 1 is better, -1 worse; None: not compared."""
        if self.metric is not None:
            claim = self.ranking.claims.about(self.metric, who, whom)
            return None if claim is None else claim.leaning
        side = self.times[who, whom][0].side(1.0) if (who, whom) in self.times else None
        return None if side is None else _TURNED[side]


def objective_of(fitting: Sequence[StrategyResult], ranking: Ranking, budget: Budget) -> Objective:
    """Say what a budget maximizes, and how the strategies that fit stand in it."""
    if budget.maximize == "time-to-accuracy":
        assert budget.min_accuracy is not None, "the budget has checked it"
        return _time_to(fitting, ranking, budget.min_accuracy)
    metric = SPEED if budget.maximize == "throughput" else ranking.quality.metric
    best = "fastest" if metric == SPEED else f"best in {ranking.quality.word}"
    values = {result.strategy: value for result in fitting if (value := result.means[metric]) is not None}
    return Objective(ranking, metric, METRICS[metric].label, best, values, {})


def _time_to(fitting: Sequence[StrategyResult], ranking: Ranking, target: float) -> Objective:
    """Compare the times to an accuracy of all pairs, paired by seed and tested together, as every metric is."""
    times = {
        result.strategy: {seed: time for seed, time in (reached(result, target) or {}).items() if time is not None}
        for result in fitting
    }
    found = [
        (one, other, ratio)
        for one, other in itertools.combinations(times, 2)
        if (ratio := intervals.ratio(times[one], times[other])) and ratio.evidence
    ]
    sides = claimed([ratio for _, _, ratio in found], 1.0)
    known: dict[tuple[str, str], tuple[Interval, Side]] = {}
    for (one, other, ratio), side in zip(found, sides, strict=True):
        known[one, other], known[other, one] = (ratio, _TURNED[side]), (ratio.inverse(), side)
    values = {name: -sum(seeds.values()) / len(seeds) for name, seeds in times.items() if seeds}
    accuracy = METRICS[ranking.quality.metric].format(target)
    return Objective(ranking, None, f"time to {accuracy}", f"quickest to {accuracy}", values, known)


_TURNED: dict[Side, Side] = {-1: 1, 0: 0, 1: -1}
