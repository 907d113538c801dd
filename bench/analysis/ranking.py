"""The ranked strategies: letters that show which are tied, and which of them another makes pointless."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.analysis.claims import LEVEL, Claims, make_claims
from bench.analysis.multiple_testing import letters
from bench.analysis.quality import ACCURACY
from bench.records.metrics import METRICS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bench.analysis.quality import Quality
    from bench.analysis.strategy_result import StrategyResult

__all__ = ["Ranking", "letters_among", "rank"]


@dataclass(frozen=True, slots=True)
class Ranking:
    """The ranked strategies, and what is claimed of every two of them."""

    names: tuple[str, ...]
    claims: Claims
    letters: dict[str, dict[str, str]]
    """By metric and strategy: two share a letter exactly if no difference between them is detected.

    "a" goes to the best. One that cannot be compared with any other in a metric has none there.
    """
    dominated: dict[str, tuple[str, ...]]
    """By strategy: those that make it pointless; see `rank`."""

    @property
    def quality(self) -> Quality:
        """The score that decides beside speed and memory."""
        return self.claims.quality

    @property
    def level(self) -> float:
        """The level that the strictest of the tests in one metric has to meet."""
        return LEVEL / max(1, len(self.names) * (len(self.names) - 1) // 2)

    @property
    def frontier(self) -> tuple[str, ...]:
        """The strategies that nothing dominates."""
        return tuple(name for name in self.names if not self.dominated[name])


def rank(results: Sequence[StrategyResult], quality: Quality = ACCURACY) -> Ranking:
    """Compare all pairs of strategies, the reference first, in speed, memory and quality.

    A strategy is dominated only if the claims say so: another is detected to be better in at
    least one metric, and worse in none. Where a metric has no letters (the memory of single runs), the
    other's value itself must not be worse. One that is not shown to beat the majority
    class dominates none that is.
    """
    claims = make_claims(results, quality)
    shown = {metric: letters_among(results, claims, metric) for metric in quality.headlines}
    return Ranking(
        names=tuple(result.strategy for result in results),
        claims=claims,
        letters=shown,
        dominated={
            result.strategy: tuple(
                other.strategy for other in results if other is not result and _dominates(other, result, claims, shown)
            )
            for result in results
        },
    )


def letters_among(results: Sequence[StrategyResult], claims: Claims, metric: str) -> dict[str, str]:
    """Tell some strategies apart in a metric by what is claimed of every two of them; empty where nothing is."""
    compared = {who for known, *two in claims.known if known == metric for who in two}
    values = {result.strategy: value for result in results if (value := result.means[metric]) is not None}
    values = {name: value for name, value in values.items() if name in compared}
    best = sorted(values, key=values.__getitem__, reverse=METRICS[metric].better == "higher")
    told = {two: claims.standing(metric, *two) for two in itertools.combinations(best, 2)}
    pairs = {two: standing for two, standing in told.items() if standing is not None}
    return letters(best, (two for two, standing in pairs.items() if standing)) if pairs else {}


def _dominates(
    other: StrategyResult, result: StrategyResult, claims: Claims, shown: Mapping[str, Mapping[str, str]]
) -> bool:
    if other.beats_majority is False and result.beats_majority is not False:
        return False
    standings = {
        metric: claims.standing(metric, other.strategy, result.strategy) for metric in claims.quality.headlines
    }
    return 1 in standings.values() and all(
        (standing or 0) >= 0
        if {other.strategy, result.strategy} <= shown[metric].keys()
        else _not_worse(other, result, metric)
        for metric, standing in standings.items()
    )


def _not_worse(other: StrategyResult, result: StrategyResult, metric: str) -> bool:
    """Compare the values themselves; unknown values are no reason."""
    ours, theirs = other.means[metric], result.means[metric]
    if ours is None or theirs is None:
        return False
    return ours >= theirs if METRICS[metric].better == "higher" else ours <= theirs
