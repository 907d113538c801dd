"""The strategy that fits a budget best, the runner-up, and why each other one falls out: from a comparison alone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from bench.errors import UnknownName, UsageError
from bench.experiment.spec import canonical
from bench.recommending.judged import Judged, judge
from bench.recommending.objective import objective_of
from bench.recommending.words import Found, headline_of, sentences_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.analysis.comparison import Comparison
    from bench.analysis.strategy_result import StrategyResult
    from bench.experiment.budget import Budget
    from bench.recommending.objective import Objective

__all__ = ["Recommendation", "recommend"]

Verdict = Literal["recommended", "none fits", "not enough data", "not valid"]


@dataclass(frozen=True, slots=True, repr=False)
class Recommendation:
    """What was chosen under a budget, and everything that a reader needs to follow the choice."""

    budget: Budget
    verdict: Verdict
    headline: str
    """The answer in one sentence."""
    sentences: tuple[str, ...]
    """Its numbers, the runner-up, why each other falls out, and what would settle what is open."""
    judged: tuple[Judged, ...] = ()
    """Every strategy of the comparison: the recommended one, the runner-up, others that fit, those open, those out."""
    strategy: str | None = None
    """The recommended one; None where none is."""
    runner_up: str | None = None
    """The one that would be recommended in its place; None where no other fits."""
    nearest: str | None = None
    """Where none fits that was asked for: another that does, or else the one that misses the budget by least."""

    def __repr__(self) -> str:
        return "\n".join([self.headline, *(f"- {sentence}" for sentence in self.sentences)])


def recommend(comparison: Comparison, budget: Budget, strategies: str | None = None) -> Recommendation:
    """Choose among the strategies of a comparison, or those listed, each judged by its runs alone.

    Raises:
        UnknownName: a strategy that is listed was not compared.
        UsageError: the budget asks for what the comparison does not have.

    """
    if budget.maximize == "time-to-accuracy" and comparison.quality.metric != "accuracy":
        raise UsageError("--maximize time-to-accuracy: learning curves hold accuracy alone; leave --quality out")
    asked = _asked(comparison, strategies)
    if comparison.form == "invalid":
        return Recommendation(budget, "not valid", comparison.headline, ())
    judged = [judge(result, comparison, budget) for result in comparison.results]
    fitting = [one.result for one in judged if one.standing == "fits"]
    objective = objective_of(fitting, comparison.ranking, budget)
    ordered = _in_order(fitting, objective)
    able = [result for result in ordered if result.strategy in asked]
    chosen = able[0] if able else None
    runner_up = able[1] if len(able) > 1 else None
    among = [one for one in judged if one.strategy in asked]
    is_open = not chosen and any(one.standing == "open" for one in among)
    nearest = None if chosen or not among else _nearest(among, ordered, objective, is_open=is_open)
    found = Found(comparison, budget, objective, tuple(_sorted(judged, ordered)), asked, chosen, runner_up, nearest)
    return Recommendation(
        budget,
        "recommended" if chosen else "not enough data" if is_open or not among else "none fits",
        headline_of(found),
        tuple(sentences_of(found)),
        found.judged,
        *(None if one is None else one.strategy for one in (chosen, runner_up, nearest)),
    )


def _asked(comparison: Comparison, strategies: str | None) -> tuple[str, ...]:
    """Name the strategies to choose among; one may be named without the rate that a search found for it."""
    known = {result.strategy: result.records[0].spec.name_without_lr for result in comparison.results}
    if strategies is None:
        return tuple(known)
    asked = []
    for written in strategies.split(","):
        name = canonical(written)
        found = [each for each, bare in known.items() if each == name] or [
            each for each, bare in known.items() if bare == name
        ]
        if not found:
            raise UnknownName("strategy", name, known, hint="Of those that were compared.")
        asked += found
    return tuple(dict.fromkeys(asked))


def _in_order(fitting: Sequence[StrategyResult], objective: Objective) -> list[StrategyResult]:
    """Order those that fit: the choice first, then what would be chosen without it, and so on."""
    left, ordered = list(fitting), []
    while left:
        ordered.append(objective.choose(left))
        left.remove(ordered[-1])
    return ordered


def _sorted(judged: Sequence[Judged], ordered: Sequence[StrategyResult]) -> list[Judged]:
    by_name = {one.strategy: one for one in judged}
    rest = sorted(
        (one for one in judged if one.standing != "fits"), key=lambda one: (one.standing != "open", _miss(one))
    )
    return [by_name[result.strategy] for result in ordered] + rest


def _nearest(
    among: Sequence[Judged], others: Sequence[StrategyResult], objective: Objective, *, is_open: bool
) -> Judged | None:
    """Find another strategy that fits, the most like one asked for; else, where none may fit, the one that misses the budget by least."""
    if others:
        distances = {other.strategy: min(_distance(other, one.result) for one in among) for other in others}
        least = min(distances.values())
        like = objective.choose([other for other in others if distances[other.strategy] == least])
        return Judged(like, "fits")
    return None if is_open else min((one for one in among if one.beyond), key=_miss, default=None)


def _miss(one: Judged) -> tuple[float, float]:
    """By how much a strategy misses the budget: the bounds that it breaks, and the share by which it does; far where nothing is known."""
    if not one.beyond:
        return math.inf, 0.0
    return len(one.beyond), max(finding.excess for finding in one.beyond)


def _distance(one: StrategyResult, other: StrategyResult) -> int:
    """Count the terms that two compositions do not share."""
    return len(set(one.records[0].spec.strategy) ^ set(other.records[0].spec.strategy))
