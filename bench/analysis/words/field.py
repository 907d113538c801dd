"""The phrases that a headline is put together from; each repeats claims and adds none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.analysis.quality import MEMORY, SPEED
from bench.analysis.tuning import untuned
from bench.analysis.words.numbers import change, group, listed, within
from bench.analysis.words.resolution import size
from bench.analysis.words.sentences import looking

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.analysis.field import Field, Lead
    from bench.analysis.ranking import Ranking
    from bench.analysis.strategy_result import Row

__all__ = ["Phrases", "are", "names_of"]

_MOST_TOLD = 3
"""Strategies whose differences are spelled out one by one."""
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
        """Name those that the leaders are not told apart from, as a sentence that follows; empty where there are none."""
        if not lead.tied:
            return ""
        who = "It is not" if len(lead.leaders) == 1 else "Not each of them is"
        return f" {who} told apart in {self.ranking.quality.words[metric]} from {group(names_of(lead.tied))}."

    def against(self, row: Row) -> str:
        """Say what speaks against a row that is faster, and where that is a loss, that its rate was not tuned."""
        metric = self.ranking.quality.metric
        claim = self.ranking.claims.about(metric, row.strategy, self.base)
        if row.beats_majority is False:
            return "is not shown to beat the majority class"
        if claim is None:
            return f"its {self.quality} cannot be compared"
        if claim.leaning != -1:
            return f"is not known to be faster than {self.base}"
        lost = f"loses {self.quality}: {change(metric, claim.interval.estimate)}{within(metric, claim.interval)}"
        said = looking(claim, self.base, self.ranking) if claim.looks else lost
        return f"{said}. {untuned([row])}".removesuffix(".")

    def at_speed(self, rows: Sequence[Row]) -> str:
        """Write at what speed rows are better in something else."""
        if all(self.field.speed(row) for row in rows):
            return f"at {self.factors(rows, SPEED)} the speed"
        return f"at a speed that is not told from that of {self.base}"

    def looking(self, rows: Sequence[Row]) -> str:
        """Write which way the differences point that are not certain, and end with a full stop."""
        seen = {row.strategy: self.field.looks(row) for row in rows}
        doubts = {claim.doubt for claims in seen.values() for claim in claims}
        is_one = len(doubts) == 1 < sum(map(len, seen.values()))  # then it is said once
        told = [
            f"{name} {' and '.join(looking(claim, self.base, self.ranking, with_doubt=not is_one) for claim in claims)}"
            for name, claims in list(seen.items())[:_MOST_TOLD]
        ]
        if (more := len(rows) - _MOST_TOLD) > 0:
            told.append(f"{more} other{' looks' if more == 1 else 's look'} different too")
        poor = [row for row in rows if not self.field.keeps_quality(row)]
        end = f", all {min(doubts)}" if is_one else ""
        return f"{listed(told)}{end}.{f' {untuned(poor)}' if poor else ''}"

    def alike(self, rows: Sequence[Row]) -> str:
        """Write "o difference detected in speed or accuracy between full, a and b"."""
        said = f"o difference detected in speed or {self.quality} between"
        if self.field.are_alike(rows):
            return f"{said} {group([self.base, *names_of(rows)])}"
        return f"{said} {self.base} and each of {group(names_of(rows))}"

    def memory(self, rows: Sequence[Row]) -> str:
        """Write the differences in memory that are detected, as sentences that follow; empty where there are none.

        Those that round to nothing stand in the table alone.
        """
        metric, said = MEMORY, ""
        told = [
            row for row in rows if self.field.memory(row) and size(metric, self.field.estimate(row, metric)) >= _LEAST
        ]
        for side, word in ((1, "less"), (-1, "more")):
            if found := [row for row in told if self.field.memory(row) == side]:
                who = f"{group(names_of(found))} use{'s' if len(found) == 1 else ''}"
                said += f" {who} {word} memory than {self.base} ({self.factors(found, metric)})."
        return said

    def dearer(self) -> str:
        """Name those that are faster and lose quality, as a sentence that follows; empty where there are none."""
        rows = [row for row in self.field.others if self.field.speed(row) == 1 and self.field.quality(row) == -1]
        if not rows:
            return ""
        loses = f"lose{'s' if len(rows) == 1 else ''} {self.quality}"
        return f" {are(rows)} faster, but {loses} ({self.factors(rows, self.ranking.quality.metric)}). {untuned(rows)}"

    def factors(self, rows: Sequence[Row], metric: str) -> str:
        """Write what each has against the reference, of one or two; else from the least to the most."""
        values = [self.field.estimate(row, metric) for row in rows]
        if len(values) > 2:  # noqa: PLR2004
            return " to ".join(change(metric, choose(values), is_told=True) for choose in (min, max))
        return listed(change(metric, value, is_told=True) for value in values)


def names_of(rows: Sequence[Row]) -> tuple[str, ...]:
    """Give the strategies by name."""
    return tuple(row.strategy for row in rows)


def are(rows: Sequence[Row]) -> str:
    """Write "a is" or "a and b are", of rows that are named together."""
    return f"{group(names_of(rows))} {'is' if len(rows) == 1 else 'are'}"
