"""The headline: what a comparison allows to be concluded, in one of five forms, from its claims alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from bench.analysis.field import Field
from bench.analysis.quality import SPEED
from bench.analysis.tuning import untuned
from bench.analysis.words.field import Phrases, are, names_of
from bench.analysis.words.numbers import ENDINGS, group, listed
from bench.analysis.words.resolution import Resolution, beyond_chance
from bench.analysis.words.sentences import against_reference

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.analysis.ranking import Ranking
    from bench.analysis.strategy_result import Row

__all__ = ["Form", "Verdict", "conclude"]

Form = Literal["winner", "leading", "tie", "undecided", "invalid"]
"""Somebody is ahead of all others; somebody is better than the reference, but not than all others; no difference was
detected; not enough data; the comparison is not valid."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The headline and whom it names as ahead."""

    form: Form
    headline: str
    winners: tuple[str, ...] = ()
    """Only of the form "winner": the best first. Each is better than every strategy that is not among them, so far as
    the headline says, and no difference between them is detected."""
    distinction: str = ""
    """What the winners are, in a word or two."""
    spelled_out: str = ""
    """The strategy of which the headline says all that a sentence of its own would."""
    advice: str = ""
    """What would make a comparison decide that does not, as sentences that follow those on the strategies."""


def conclude(rows: Sequence[Row], ranking: Ranking) -> Verdict:
    """Draw the one conclusion that stands on top; `rows` are all, `ranking` is of those that may be ranked."""
    base = next((row for row in rows if row.is_reference), None)
    if base is None or all(row.status != "ok" for row in rows):
        ended = listed(f"{row.strategy} {ENDINGS[row.status]}" for row in rows) if rows else ""
        return Verdict("undecided", f"No run finished: {ended}." if ended else "No run was recorded.")
    if problem := _problem(base, ranking):
        return Verdict("invalid", f"Comparison not valid: the reference {base.strategy} {problem}.")
    others = [row for row in rows if row is not base and row.strategy in ranking.names]
    if not others:
        suspect = [row.strategy for row in rows if row is not base and row.finished]
        able = f"can be ranked ({listed(suspect)} suspect)" if suspect else "finished"
        return Verdict("undecided", f"Only {base.strategy} {able}, so there is nothing to compare it with.")
    if all(row.beats_majority is False for row in (base, *others)):
        return Verdict("undecided", _at_chance([base, *others]))
    return _Conclusion(Phrases(Field(base, others, ranking.claims), ranking)).draw()


def _problem(base: Row, ranking: Ranking) -> str:
    """Say why nothing can be set against the reference; empty where it can."""
    if base.status != "ok":
        return ENDINGS[base.status]
    if base.strategy in ranking.names:
        return ""
    doubts = ", ".join(dict.fromkeys(flag.code for flag in base.doubts))
    return f"is suspect ({doubts}); measure again, or rank it all the same (--rank-suspect)"


def _at_chance(rows: Sequence[Row]) -> str:
    best = max(rows, key=lambda row: row.quality_interval.estimate if row.quality_interval else 0)
    who = "no strategy is" if len(rows) > 1 else f"{best.strategy} is not"
    return (
        f"Not enough data: {who} shown to beat the majority class ({best.majority_quality:.1%}). {beyond_chance(best)}"
    )


@dataclass(frozen=True, slots=True)
class _Conclusion:
    """What the ranked strategies allow to be concluded, the first of these that they do."""

    say: Phrases

    def draw(self) -> Verdict:
        return self._faster() or self._better() or self._unknown() or self._open() or self._reference()

    @property
    def _field(self) -> Field:
        return self.say.field

    @property
    def _ranking(self) -> Ranking:
        return self.say.ranking

    def _faster(self) -> Verdict | None:
        """Those that are faster than the reference and lose no quality, so far as can be seen."""
        lead = self._field.fastest()
        if lead is None:
            return None
        alone = lead.leaders[0] if len(lead.leaders) == 1 else None
        if alone:
            told = against_reference(alone, self._field.base, self._ranking).removeprefix("is ")
        else:
            each = f"{self.say.factors(lead.leaders, SPEED)} as fast as {self.say.base}"
            told = f"{each}, with no difference in speed detected between them"
        told += f" ({group(names_of(lead.unknown))} could not be compared)" if lead.unknown else ""
        spelled_out = alone.strategy if alone else ""
        if lead.is_clear:
            said = f"{are(lead.leaders)} the fastest {self.say.at_no_loss}: {told}."
            rank = f"{'' if alone else 'among the '}fastest, no loss detected"
            return Verdict("winner", said, names_of(lead.leaders), rank, spelled_out)
        said = f"{are(lead.leaders)} faster than {self.say.base} {self.say.at_no_loss}: {told}."
        said += self.say.untold(lead, SPEED)
        if lead.better:
            fastest = max(lead.better, key=lambda row: row.means[SPEED] or 0)
            said += f" {fastest.strategy} is faster still, but {self.say.against(fastest)}."
        return Verdict("leading", said, spelled_out=spelled_out)

    def _better(self) -> Verdict | None:
        """Those that are better than the reference in quality."""
        lead, metric = self._field.best(), self._ranking.quality.metric
        if lead is None:
            return None
        gains = f"{self.say.factors(lead.leaders, metric)} against {self.say.base}, {self.say.at_speed(lead.leaders)}"
        gains += f" ({group(names_of(lead.unknown))} could not be compared)" if lead.unknown else ""
        rates = f" {untuned([self._field.base, *lead.leaders])}"
        if lead.is_clear:
            rank = f"best in {self.say.quality}"
            return Verdict("winner", f"{are(lead.leaders)} {rank}: {gains}.{rates}", names_of(lead.leaders), rank)
        said = f"{are(lead.leaders)} {self._ranking.quality.better} than {self.say.base}: {gains}."
        return Verdict("leading", said + self.say.untold(lead, metric) + rates)

    def _unknown(self) -> Verdict | None:
        """No interval for those that might be faster."""
        unknown = [row for row in self._field.others if self._field.speed(row) is None]
        if not unknown or self._field.open:
            return None
        said = f"Not enough data: too few steps and common seeds to bound the speed of {group(names_of(unknown))}"
        more = f"At least 3 seeds would (--seeds 3).{self.say.memory(unknown)}"
        return Verdict("undecided", f"{said} against {self.say.base}. {more}")

    def _open(self) -> Verdict | None:
        """Neither speed nor quality of some is told from the reference."""
        rows = self._field.open
        if not rows:
            return None
        seen = [row for row in rows if self._field.looks(row)]
        alike = [row for row in rows if row not in seen]
        missed = Resolution(rows, self._field.base, self._ranking)
        more = self.say.memory(rows) + self.say.dearer()
        if seen:
            said = self.say.looking(seen) + (f" N{self.say.alike(alike)}." if alike else "")
            return Verdict("undecided", f"Not enough data: {said}{more}", advice=missed.remedy())
        if missed.is_fine:
            said = f"N{self.say.alike(alike)}; this run could have detected {missed.in_words()}."
            return Verdict("tie", said + more)
        said = f"n{self.say.alike(alike)}, but this run could only have detected {missed.in_words()}."
        return Verdict("undecided", f"Not enough data: {said}{more}", advice=missed.remedy())

    def _reference(self) -> Verdict:
        """Nobody is better than the reference at no cost, or not told from it."""
        field, name = self._field, self.say.base
        if field.base.beats_majority is False:
            return Verdict("undecided", _at_chance([field.base]))
        is_ahead = all(field.is_behind(row) for row in field.others)
        faster = [row for row in field.others if field.speed(row) == 1]
        if not faster:
            if not is_ahead:
                said = f"No strategy is detected to be faster than {name} or {self._ranking.quality.better}."
                return Verdict("undecided", said)
            rank = "fastest" if all(field.speed(row) == -1 for row in field.others) else "ahead"
            said = f"{name} is {'the fastest' if rank == 'fastest' else rank}"
            return Verdict(
                "winner", f"{said}, and no strategy is detectably {self._ranking.quality.better}.", (name,), rank
            )
        keeping = [row for row in faster if field.quality(row) != -1]
        row = max(keeping or faster, key=lambda row: field.estimate(row, SPEED))
        said = f"{row.strategy} is {self.say.factors([row], SPEED)} as fast as {name}, but {self.say.against(row)}."
        if keeping:
            return Verdict("undecided", f"Not enough data to prefer another to {name}: {said}")
        said = f"No strategy is faster than {name} {self.say.at_no_loss}: {said}"
        return Verdict("winner", said, (name,), "not beaten") if is_ahead else Verdict("undecided", said)
