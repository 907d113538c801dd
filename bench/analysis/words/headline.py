"""The headline: what a comparison allows to be concluded, in one of five forms, from its claims alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from bench.analysis.field import Field
from bench.analysis.quality import SPEED
from bench.analysis.words.field import Phrases, are, names_of
from bench.analysis.words.numbers import ENDINGS, group, listed
from bench.analysis.words.resolution import Resolution, beyond_chance
from bench.analysis.words.sentences import against_reference
from bench.analysis.words.tuning import untuned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.analysis.ranking import Ranking
    from bench.analysis.strategy_result import StrategyResult

__all__ = ["Conclusion", "Form", "conclude"]

Form = Literal["winner", "leading", "tie", "undecided", "invalid"]
"""Somebody is ahead of all others; somebody is better than the reference, but not than all others; no difference was
detected; not enough data; the comparison is not valid."""


@dataclass(frozen=True, slots=True)
class Conclusion:
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
    leaders: tuple[str, ...] = ()
    """Only of the form "leading": those that are better than the reference, the best first."""


def conclude(results: Sequence[StrategyResult], ranking: Ranking) -> Conclusion:
    """Draw the one conclusion that stands on top; `results` are all, `ranking` is of those that may be ranked."""
    base = next((result for result in results if result.is_reference), None)
    if base is None or all(result.status != "ok" for result in results):
        ended = listed(f"{result.strategy} {ENDINGS[result.status]}" for result in results) if results else ""
        return Conclusion("undecided", f"No run finished: {ended}." if ended else "No run was recorded.")
    if problem := _problem(base, ranking):
        return Conclusion("invalid", f"Comparison not valid: the reference {base.strategy} {problem}.")
    others = [result for result in results if result is not base and result.strategy in ranking.names]
    if not others:
        suspect = [result.strategy for result in results if result is not base and result.finished]
        able = f"can be ranked ({listed(suspect)} suspect)" if suspect else "finished"
        return Conclusion("undecided", f"Only {base.strategy} {able}, so there is nothing to compare it with.")
    if all(result.beats_majority is False for result in (base, *others)):
        return Conclusion("undecided", _at_chance([base, *others]))
    return _Forms(Phrases(Field(base, others, ranking.claims), ranking)).draw()


def _problem(base: StrategyResult, ranking: Ranking) -> str:
    """Why nothing can be compared with the reference; empty where it can."""
    if base.status != "ok":
        return ENDINGS[base.status]
    if base.strategy in ranking.names:
        return ""
    doubts = ", ".join(dict.fromkeys(flag.code for flag in base.doubts))
    return f"is suspect ({doubts}); measure again, or rank it all the same (--rank-suspect)"


def _at_chance(results: Sequence[StrategyResult]) -> str:
    best = max(results, key=lambda result: result.quality_interval.estimate if result.quality_interval else 0)
    who = "no strategy is" if len(results) > 1 else f"{best.strategy} is not"
    return (
        f"Not enough data: {who} shown to beat the majority class ({best.majority_quality:.1%}). {beyond_chance(best)}"
    )


@dataclass(frozen=True, slots=True)
class _Forms:
    """What the ranked strategies allow to be concluded, the first of these that they do."""

    say: Phrases

    def draw(self) -> Conclusion:
        return self._faster() or self._better() or self._unknown() or self._open() or self._reference()

    @property
    def _field(self) -> Field:
        return self.say.field

    @property
    def _ranking(self) -> Ranking:
        return self.say.ranking

    def _faster(self) -> Conclusion | None:
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
            return Conclusion("winner", said, names_of(lead.leaders), rank, spelled_out)
        said = f"{are(lead.leaders)} faster than {self.say.base} {self.say.at_no_loss}: {told}."
        said += self.say.untold(lead, SPEED)
        if lead.better:
            fastest = max(lead.better, key=lambda result: result.means[SPEED] or 0)
            said += f" {fastest.strategy} is faster still, but {self.say.against(fastest)}."
        return Conclusion("leading", said, leaders=names_of(lead.leaders), spelled_out=spelled_out)

    def _better(self) -> Conclusion | None:
        """Those that are better than the reference in quality."""
        lead, metric = self._field.best(), self._ranking.quality.metric
        if lead is None:
            return None
        gains = f"{self.say.factors(lead.leaders, metric)} against {self.say.base}, {self.say.at_speed(lead.leaders)}"
        gains += f" ({group(names_of(lead.unknown))} could not be compared)" if lead.unknown else ""
        rates = untuned([self._field.base, *lead.leaders])
        if lead.is_clear:
            rank = f"best in {self.say.quality}"
            return Conclusion("winner", f"{are(lead.leaders)} {rank}: {gains}.{rates}", names_of(lead.leaders), rank)
        said = f"{are(lead.leaders)} {self._ranking.quality.better} than {self.say.base}: {gains}."
        return Conclusion("leading", said + self.say.untold(lead, metric) + rates, leaders=names_of(lead.leaders))

    def _unknown(self) -> Conclusion | None:
        """No interval for those that might be faster."""
        unknown = [result for result in self._field.others if self._field.speed(result) is None]
        if not unknown or self._field.open:
            return None
        if not self._field.base.timed or not any(result.timed for result in unknown):
            said = f"Not enough data: no times by which to compare {group(names_of(unknown))} with {self.say.base}"
            more = "Runs are timed that have their machine or GPU to themselves and are not interrupted."
            return Conclusion("undecided", f"{said}. {more}")
        said = f"Not enough data: too few steps and common seeds to bound the speed of {group(names_of(unknown))}"
        more = f"At least 3 seeds would (--seeds 3).{self.say.memory(unknown)}"
        return Conclusion("undecided", f"{said} against {self.say.base}. {more}")

    def _open(self) -> Conclusion | None:
        """Some tie with the reference in both speed and quality."""
        results = self._field.open
        if not results:
            return None
        seen = [result for result in results if self._field.tentative(result)]
        alike = [result for result in results if result not in seen]
        missed = Resolution(results, self._field.base, self._ranking)
        more = self.say.memory(results) + self.say.dearer()
        if seen:
            said = self.say.tentative(seen) + (f" N{self.say.alike(alike)}." if alike else "")
            return Conclusion("undecided", f"Not enough data: {said}{more}", advice=missed.remedy())
        if missed.is_fine:
            said = f"N{self.say.alike(alike)}; this run could have detected {missed.in_words()}."
            return Conclusion("tie", said + more)
        said = f"n{self.say.alike(alike)}, but this run could only have detected {missed.in_words()}."
        return Conclusion("undecided", f"Not enough data: {said}{more}", advice=missed.remedy())

    def _reference(self) -> Conclusion:
        """No strategy is better than the reference at no cost, and none ties with it."""
        field, name = self._field, self.say.base
        if field.base.beats_majority is False:
            return Conclusion("undecided", _at_chance([field.base]))
        is_ahead = all(field.is_behind(result) for result in field.others)
        faster = [result for result in field.others if field.speed(result) == 1]
        if not faster:
            if not is_ahead:
                said = f"No strategy is detected to be faster than {name} or {self._ranking.quality.better}."
                return Conclusion("undecided", said)
            rank = "fastest" if all(field.speed(result) == -1 for result in field.others) else "ahead"
            said = f"{name} is {'the fastest' if rank == 'fastest' else rank}"
            return Conclusion(
                "winner", f"{said}, and no strategy is detectably {self._ranking.quality.better}.", (name,), rank
            )
        keeping = [result for result in faster if field.quality(result) != -1]
        result = max(keeping or faster, key=lambda result: field.estimate(result, SPEED))
        said = f"{result.strategy} is {self.say.factors([result], SPEED)} as fast as {name}, but {self.say.against(result)}."
        if keeping:
            return Conclusion("undecided", f"Not enough data to prefer another to {name}: {said}")
        said = f"No strategy is faster than {name} {self.say.at_no_loss}: {said}"
        return Conclusion("winner", said, (name,), "not beaten") if is_ahead else Conclusion("undecided", said)
