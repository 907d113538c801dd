"""The headline: what a comparison allows to be concluded, in one of four forms, from its claims alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from bench.phrases import ENDINGS, change, listed
from bench.resolution import Resolution, beyond_chance
from bench.sentences import against_reference

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.ranking import Ranking
    from bench.row import Row

__all__ = ["Form", "Verdict", "conclude"]

Form = Literal["winner", "tie", "undecided", "invalid"]
"""Somebody is ahead; no difference was detected; not enough data; the comparison is not valid."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The headline and whom it names as ahead."""

    form: Form
    headline: str
    winners: tuple[str, ...] = ()
    """Only of the form "winner": the best first, and those that are not told from it."""
    spelled_out: str = ""
    """The strategy of which the headline says all that a sentence of its own would."""


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
    return _Field(base, others, ranking).conclude()


def _problem(base: Row, ranking: Ranking) -> str:
    """Say why nothing can be set against the reference; empty where it can."""
    if base.status != "ok":
        return ENDINGS[base.status]
    if base.strategy in ranking.names:
        return ""
    doubts = ", ".join(dict.fromkeys(flag.code for flag in base.doubts))
    return f"is suspect ({doubts}); measure again, or rank it all the same (--rank-suspect)"


@dataclass(frozen=True, slots=True)
class _Field:
    """The ranked strategies, seen from the reference."""

    base: Row
    others: list[Row]
    ranking: Ranking

    def conclude(self) -> Verdict:
        return self._faster() or self._better() or self._no_data() or self._tie() or self._reference()

    def _faster(self) -> Verdict | None:
        """Those that are faster than the reference and lose no quality, so far as is detected."""
        best = self._best("samples_per_second", [row for row in self.others if self._keeps_quality(row)])
        if not best:
            return None
        names = tuple(row.strategy for row in best)
        verb = "is" if len(best) == 1 else "are"
        said = f"{listed(names)} {verb} the fastest {self._at_no_loss}: "
        if len(best) == 1:
            said += against_reference(best[0], self.base, self.ranking).removeprefix("is ")
        else:
            said += f"{_factors(best, 'samples_per_second')} as fast as {self.base.strategy}, with no difference in speed detected between them"
        unknown = [row.strategy for row in self.others if self._speed(row) is None]
        said += f" ({listed(unknown)} could not be compared)." if unknown else "."
        return Verdict("winner", said, names, spelled_out=names[0] if len(names) == 1 else "")

    def _better(self) -> Verdict | None:
        metric = self.base.quality.metric
        best = self._best(metric, self.others)
        if not best:
            return None
        gains = f"{_factors(best, metric)} at {_factors(best, 'samples_per_second')} the speed"
        verb = "is" if len(best) == 1 else "are"
        names = tuple(row.strategy for row in best)
        return Verdict(
            "winner", f"{listed(names)} {verb} {self.base.quality.better} than {self.base.strategy}: {gains}.", names
        )

    def _best(self, metric: str, rows: Sequence[Row]) -> list[Row]:
        """Those better than the reference in a metric: the best of them, and who is not told from it or another."""
        able = [r for r in rows if self._standing(metric, r, self.base) == 1 and r.beats_majority is not False]
        beaten = {r.strategy: sum(self._standing(metric, r, other) == -1 for other in able) for r in able}
        best: list[Row] = []
        for row in sorted(able, key=lambda row: (beaten[row.strategy], -_estimate(row, metric))):
            if not any(self._standing(metric, row, other) for other in best):
                best.append(row)
        return best

    def _no_data(self) -> Verdict | None:
        """No interval for those that might be faster."""
        unknown = [row.strategy for row in self.others if self._speed(row) is None]
        if not unknown or self._tied():
            return None
        said = f"Not enough data: too few steps and common seeds to bound the speed of {listed(unknown)} against"
        return Verdict("undecided", f"{said} {self.base.strategy}. At least 3 seeds would (--seeds 3).")

    def _tie(self) -> Verdict | None:
        tied = self._tied()
        if not tied:
            return None
        missed = Resolution(tied, self.base, self.ranking.level)
        names = listed(row.strategy for row in (self.base, *tied))
        alike = f"o difference detected in speed or {self.base.quality.word} between {names}"
        if missed.is_fine:
            said = f"N{alike}; this run could have detected {missed.in_words()}."
            return Verdict("tie", said + self._cheaper(tied))
        said = f"Not enough data: n{alike}, but this run could only have detected {missed.in_words()}."
        return Verdict("undecided", f"{said} {missed.remedy()}")

    def _reference(self) -> Verdict:
        """Nobody is ahead of the reference or level with it."""
        name = self.base.strategy
        if self.base.beats_majority is False:
            return Verdict("undecided", _at_chance([self.base]))
        faster = [row for row in self.others if self._speed(row) == 1]
        if not faster:
            ahead = "is the fastest" if all(self._speed(row) == -1 for row in self.others) else "is ahead"
            return Verdict(
                "winner", f"{name} {ahead}, and no strategy is detectably {self.base.quality.better}.", (name,)
            )
        row = max(faster, key=lambda row: _estimate(row, "samples_per_second"))
        said = f"{row.strategy} is {_factor(row, 'samples_per_second')} as fast as {name}, but {self._cost(row)}."
        return Verdict("winner", f"No strategy is faster than {name} {self._at_no_loss}: {said}", (name,))

    def _cost(self, row: Row) -> str:
        """Say what keeps a row that is faster from being ahead."""
        if row.beats_majority is False:
            return "is not shown to beat the majority class"
        quality = self.base.quality
        if self._quality(row) is None:
            return f"its {quality.word} cannot be compared"
        loses = "loses" if self._quality(row) == -1 else "seems to lose"
        return f"{loses} {quality.word}: {_factor(row, quality.metric)}"

    def _tied(self) -> list[Row]:
        """Those that are neither faster nor slower, neither better nor worse."""
        return [row for row in self.others if self._speed(row) == 0 == self._quality(row)]

    def _cheaper(self, tied: Sequence[Row]) -> str:
        less = [row for row in tied if self._standing("training_memory_bytes", row, self.base) == 1]
        if not less:
            return ""
        uses = listed(f"{row.strategy} ({_factor(row, 'training_memory_bytes')})" for row in less)
        return f" Less memory than by {self.base.strategy} is used by {uses}."

    def _speed(self, row: Row) -> int | None:
        return self._standing("samples_per_second", row, self.base)

    def _quality(self, row: Row) -> int | None:
        return self._standing(self.base.quality.metric, row, self.base)

    @property
    def _at_no_loss(self) -> str:
        return f"without a detected loss of {self.base.quality.word}"

    def _keeps_quality(self, row: Row) -> bool:
        """No loss is claimed, and none seems to be: a narrow tie on the losing side is not passed over in silence."""
        interval = row.relative[self.base.quality.metric]
        return interval is not None and self._quality(row) in {0, 1} and interval.side(0) != -1

    def _standing(self, metric: str, ours: Row, theirs: Row) -> int | None:
        return self.ranking.standing(metric, ours.strategy, theirs.strategy)


def _at_chance(rows: Sequence[Row]) -> str:
    best = max(rows, key=lambda row: row.means[row.quality.metric] or 0)
    who = "no strategy is" if len(rows) > 1 else f"{best.strategy} is not"
    return (
        f"Not enough data: {who} shown to beat the majority class ({best.majority_quality:.1%}). {beyond_chance(best)}"
    )


def _estimate(row: Row, metric: str) -> float:
    interval = row.relative[metric]
    assert interval is not None, "asked only of rows whose standing is known"
    return interval.estimate


def _factor(row: Row, metric: str) -> str:
    return change(metric, _estimate(row, metric))


def _factors(rows: Sequence[Row], metric: str) -> str:
    """Write what each has, of one or two; else from the least to the most."""
    if len(rows) <= 2:  # noqa: PLR2004
        return listed(_factor(row, metric) for row in rows)
    values = [_estimate(row, metric) for row in rows]
    return f"{change(metric, min(values))} to {change(metric, max(values))}"
