"""The phrases that a headline is put together from; each repeats claims and adds none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.analysis.quality import MEMORY, SPEED
from bench.analysis.words.numbers import change, group, listed, within
from bench.analysis.words.resolution import size
from bench.analysis.words.sentences import tentative
from bench.analysis.words.tuning import untuned
from bench.records.metrics import METRICS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.analysis.field import Field, Lead
    from bench.analysis.ranking import Ranking
    from bench.analysis.strategy_result import StrategyResult

__all__ = ["Phrases", "are", "names_of"]

_MOST_TOLD = 3
"""Strategies whose differences are written one by one."""
_LEAST = 0.01
"""Of the memory of the reference: less is not worth a place in a headline."""


@dataclass(frozen=True, slots=True)
class Phrases:
    """What may be said of the strategies of one comparison."""

    field: Field
    ranking: Ranking

    @property
    def base(self) -> str:
        """The reference."""
        return self.field.base.strategy

    @property
    def quality(self) -> str:
        """What the quality is called."""
        return self.ranking.quality.words[self.ranking.quality.metric]

    @property
    def at_no_loss(self) -> str:
        """What a strategy must be that is preferred for its speed."""
        return f"without a detected loss of {self.quality}"

    def untold(self, lead: Lead, metric: str) -> str:
        """Name those that tie with the leaders, as a sentence that follows; empty where there are none."""
        if not lead.tied:
            return ""
        who = "It is not" if len(lead.leaders) == 1 else "Not each of them is"
        return f" {who} told apart in {self.ranking.quality.words[metric]} from {group(names_of(lead.tied))}."

    def against(self, result: StrategyResult) -> str:
        """What speaks against a strategy that is faster, and where that is a loss, that its rate was not tuned."""
        metric = self.ranking.quality.metric
        claim = self.ranking.claims.about(metric, result.strategy, self.base)
        if result.beats_majority is False:
            return "is not shown to beat the majority class"
        if claim is None:
            return f"its {self.quality} cannot be compared"
        if claim.leaning != -1:
            return f"is not known to be faster than {self.base}"
        lost = f"loses {self.quality}: {change(METRICS[metric], claim.interval.estimate)}{within(METRICS[metric], claim.interval)}"
        said = tentative(claim, self.base, self.ranking) if claim.tentative else lost
        return f"{said}.{untuned([result])}".removesuffix(".")

    def at_speed(self, results: Sequence[StrategyResult]) -> str:
        """At what speed strategies are better in something else."""
        if all(self.field.speed(result) for result in results):
            return f"at {self.factors(results, SPEED)} the speed"
        return f"with no detected difference in speed to {self.base}"

    def tentative(self, results: Sequence[StrategyResult]) -> str:
        """Write which way the differences point that are not certain, and end with a full stop."""
        seen = {result.strategy: self.field.tentative(result) for result in results}
        doubts = {claim.doubt for claims in seen.values() for claim in claims}
        is_one = len(doubts) == 1 < sum(map(len, seen.values()))  # then it is said once
        told = [
            f"{name} {' and '.join(tentative(claim, self.base, self.ranking, with_doubt=not is_one) for claim in claims)}"
            for name, claims in list(seen.items())[:_MOST_TOLD]
        ]
        if (more := len(results) - _MOST_TOLD) > 0:
            told.append(f"{more} other{' looks' if more == 1 else 's look'} different too")
        poor = [result for result in results if not self.field.keeps_quality(result)]
        end = f", all {min(doubts)}" if is_one else ""
        return f"{listed(told)}{end}.{untuned(poor)}"

    def alike(self, results: Sequence[StrategyResult]) -> str:
        """Write "o difference detected in speed or accuracy between full, a and b"."""
        said = f"o difference detected in speed or {self.quality} between"
        if self.field.are_alike(results):
            return f"{said} {group([self.base, *names_of(results)])}"
        return f"{said} {self.base} and each of {group(names_of(results))}"

    def memory(self, results: Sequence[StrategyResult]) -> str:
        """Write the differences in memory that are detected, as sentences that follow; empty where there are none.

        Those that round to nothing stand in the table alone.
        """
        metric, said = MEMORY, ""
        told = [
            result
            for result in results
            if self.field.memory(result) and size(metric, self.field.estimate(result, metric)) >= _LEAST
        ]
        for side, word in ((1, "less"), (-1, "more")):
            if found := [result for result in told if self.field.memory(result) == side]:
                who = f"{group(names_of(found))} use{'s' if len(found) == 1 else ''}"
                said += f" {who} {word} memory than {self.base} ({self.factors(found, metric)})."
        return said

    def dearer(self) -> str:
        """Name those that are faster and lose quality, as a sentence that follows; empty where there are none."""
        results = [
            result for result in self.field.others if self.field.speed(result) == 1 and self.field.quality(result) == -1
        ]
        if not results:
            return ""
        loses = f"lose{'s' if len(results) == 1 else ''} {self.quality}"
        return f" {are(results)} faster, but {loses} ({self.factors(results, self.ranking.quality.metric)}).{untuned(results)}"

    def factors(self, results: Sequence[StrategyResult], metric: str) -> str:
        """Write what each has against the reference, of one or two; else from the least to the most."""
        values = [self.field.estimate(result, metric) for result in results]
        if len(values) > 2:  # noqa: PLR2004
            return " to ".join(change(METRICS[metric], choose(values), is_told=True) for choose in (min, max))
        return listed(change(METRICS[metric], value, is_told=True) for value in values)


def names_of(results: Sequence[StrategyResult]) -> tuple[str, ...]:
    """Return the names of strategies."""
    return tuple(result.strategy for result in results)


def are(results: Sequence[StrategyResult]) -> str:
    """Write "a is" or "a and b are", of strategies that are named together."""
    return f"{group(names_of(results))} {'is' if len(results) == 1 else 'are'}"
