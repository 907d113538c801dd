"""Who leads a comparison, who ties with the leaders, and what is open: questions to the claims, no words."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.analysis.quality import MEMORY, SPEED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.analysis.claims import Claim, Claims, Side
    from bench.analysis.strategy_result import StrategyResult

__all__ = ["Field", "Lead"]


@dataclass(frozen=True, slots=True)
class Lead:
    """Those that are better than the reference in a metric, and whom they are not ahead of."""

    leaders: tuple[StrategyResult, ...]
    """Better than the reference, and tied with each other; the largest estimate first."""
    tied: tuple[StrategyResult, ...]
    """Tied with at least one of them."""
    better: tuple[StrategyResult, ...]
    """Better than at least one of them in this metric, though something else speaks against them."""
    unknown: tuple[StrategyResult, ...]
    """Not compared with at least one of them."""

    @property
    def is_clear(self) -> bool:
        """Whether each leader is better than all other strategies."""
        return not (self.tied or self.better or self.unknown)


@dataclass(frozen=True, slots=True)
class Field:
    """The ranked strategies, seen from the reference."""

    base: StrategyResult
    others: Sequence[StrategyResult]
    claims: Claims

    def fastest(self) -> Lead | None:
        """Find those that are faster than the reference, and lose no quality so far as can be seen."""
        return self._lead(
            SPEED, [result for result in self.others if self.speed(result) == 1 and self.keeps_quality(result)]
        )

    def best(self) -> Lead | None:
        """Find those that are better than the reference in quality."""
        return self._lead(self.claims.quality.metric, [result for result in self.others if self.quality(result) == 1])

    @property
    def open(self) -> tuple[StrategyResult, ...]:
        """Those that tie with the reference in both speed and quality."""
        return tuple(result for result in self.others if self.speed(result) == 0 == self.quality(result))

    def tentative(self, result: StrategyResult) -> tuple[Claim, ...]:
        """Differences to the reference in speed and quality that an interval shows and that are not certain."""
        known = (self.claims.about(metric, result.strategy, self.base.strategy) for metric in self._told)
        return tuple(claim for claim in known if claim and claim.tentative)

    def are_alike(self, results: Sequence[StrategyResult]) -> bool:
        """Whether no difference in speed or quality is seen between any two."""
        known = [
            self.claims.about(metric, one.strategy, other.strategy)
            for one, other in itertools.combinations(results, 2)
            for metric in self._told
        ]
        return all(claim is not None and not claim.leaning for claim in known)

    def is_behind(self, result: StrategyResult) -> bool:
        """Whether the reference is better than a strategy in quality, or in speed at no loss of quality."""
        return self.quality(result) == -1 or (self.speed(result) == -1 and self.quality(result) != 1)

    def speed(self, result: StrategyResult) -> Side | None:
        """How a strategy stands to the reference in speed."""
        return self.claims.standing(SPEED, result.strategy, self.base.strategy)

    def quality(self, result: StrategyResult) -> Side | None:
        """How a strategy stands to the reference in quality."""
        return self.claims.standing(self.claims.quality.metric, result.strategy, self.base.strategy)

    def memory(self, result: StrategyResult) -> Side | None:
        """How a strategy stands to the reference in memory."""
        return self.claims.standing(MEMORY, result.strategy, self.base.strategy)

    def estimate(self, result: StrategyResult, metric: str) -> float:
        """Return the estimate of a strategy whose standing to the reference is known."""
        claim = self.claims.about(metric, result.strategy, self.base.strategy)
        assert claim is not None, "asked only of strategies whose standing is known"
        return claim.interval.estimate

    def keeps_quality(self, result: StrategyResult) -> bool:
        """Whether no loss of quality is detected, and none is seen that is not certain."""
        claim = self.claims.about(self.claims.quality.metric, result.strategy, self.base.strategy)
        return claim is not None and claim.leaning != -1

    @property
    def _told(self) -> tuple[str, str]:
        return SPEED, self.claims.quality.metric

    def _lead(self, metric: str, candidates: Sequence[StrategyResult]) -> Lead | None:
        """Find the candidates that no other beats, and how all others stand to them."""
        able = [result for result in candidates if result.beats_majority is not False]
        if not able:
            return None
        able.sort(key=lambda result: -self.estimate(result, metric))
        beaten = [result for result in able if any(self._standing(metric, result, other) == -1 for other in able)]
        # Some may beat each other in a circle.
        leaders = [result for result in able if result not in beaten] or able[:1]
        found: dict[str, list[StrategyResult]] = {"tied": [], "better": [], "unknown": []}
        for result in self.others:
            if result in leaders:
                continue
            standings = [
                self._standing(metric, one, result) for one in leaders if not self._is_better(metric, one, result)
            ]
            if standings:
                kind = "better" if -1 in standings else "unknown" if None in standings else "tied"
                found[kind].append(result)
        return Lead(tuple(leaders), *map(tuple, found.values()))

    def _is_better(self, metric: str, one: StrategyResult, result: StrategyResult) -> bool:
        """Whether one is better than another in a metric; to one that loses quality, in quality is enough."""
        if self._standing(metric, one, result) == 1:
            return True
        return self.quality(result) == -1 and self._standing(self.claims.quality.metric, one, result) == 1

    def _standing(self, metric: str, one: StrategyResult, result: StrategyResult) -> Side | None:
        return self.claims.standing(metric, one.strategy, result.strategy)
