"""Strategy by strategy: how it ended, how it stands to the reference, and what would settle what is open."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Literal

from bench.analysis.break_even import NEVER, steps_to_pay, twin
from bench.analysis.quality import MEMORY, SPEED
from bench.analysis.words.numbers import ENDINGS, change, listed, with_bounds, within
from bench.analysis.words.settling import to_settle
from bench.analysis.words.tuning import on_tuning, untuned
from bench.records.metrics import METRICS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bench.analysis.claims import Claim
    from bench.analysis.ranking import Ranking
    from bench.analysis.strategy_result import StrategyResult
    from bench.records.flags import FlagCode

__all__ = ["Sentence", "against_reference", "sentences", "tentative"]


_UNTIMED: dict[FlagCode, str] = {
    "resumed-within": "went on from a checkpoint",
    "shared-host": "ran beside others on one machine",
}
"""What became of a run that is not timed, by its flag."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence beside the headline, and what it is about."""

    text: str
    about: Literal["ending", "standing", "settling", "compiling", "tuning"]
    """How a strategy ended or why it is not ranked; how it stands to the reference; what would settle what is open;
    when compiling pays; what the search of learning rates found and cost."""


def sentences(
    results: Iterable[StrategyResult], ranking: Ranking, *, spelled_out: str = "", advice: str = ""
) -> tuple[Sentence, ...]:
    """Write of every strategy in their order, but not of how one stands that the headline has spelled out; then give advice."""
    results = tuple(results)
    base = next((result for result in results if result.is_reference and result.finished), None)
    by_row = chain.from_iterable(
        (*_of(result, base, ranking, spelled_out=spelled_out), *_on_compiling(result, results)) for result in results
    )
    tuning = (Sentence(said, "tuning") for said in on_tuning(results))
    return (
        *by_row,
        *tuning,
        *(Sentence(said, "settling") for said in (advice, *to_settle(results, base, ranking)) if said),
    )


def against_reference(result: StrategyResult, base: StrategyResult, ranking: Ranking) -> str:
    """Write how a strategy stands: "is 1.42x as fast as full (1.38 to 1.47), uses 0.97x the memory, accuracy tied (...)"."""
    parts = (_standing(metric, result, base, ranking) for metric in ranking.quality.headlines)
    return ", ".join(part for part in parts if part)


def tentative(claim: Claim, base: str, ranking: Ranking, *, with_doubt: bool = True) -> str:
    """Write what a difference that is not certain looks like: "looks faster than full (1.79x, 1.29 to 2.50; not certain ...)"."""
    is_better = claim.tentative == 1
    numbers = f"({with_bounds(METRICS[claim.metric], claim.interval)}{f'; {claim.doubt}' if with_doubt else ''})"
    if claim.metric == SPEED:
        return f"looks {'faster' if is_better else 'slower'} than {base} {numbers}"
    is_higher = is_better == (METRICS[claim.metric].better == "higher")
    return f"looks {'higher' if is_higher else 'lower'} in {ranking.quality.words[claim.metric]} {numbers}"


def _of(
    result: StrategyResult, base: StrategyResult | None, ranking: Ranking, *, spelled_out: str
) -> Iterator[Sentence]:
    bad = [record for record in result.records if record.status != "ok"]
    if bad:
        share = f" for {len(bad)} of {len(result.records)} seeds" if result.finished else ""
        why = f": {' '.join(result.reason.split())}" if result.reason else ""
        yield Sentence(f"{result.strategy} {ENDINGS[bad[0].status]}{share}{why.rstrip('.')}.", "ending")
    if result.finished and result.strategy not in ranking.names and result.is_suspect:
        why = "; ".join(f"{flag.code}: {' '.join(flag.message.split())}" for flag in result.doubts)
        yield Sentence(f"{result.strategy} is shown but not ranked ({why}).", "ending")
    untimed = [record for record in result.records if record.spec.seed in result.measured.keys() - result.timed.keys()]
    for code, why in _UNTIMED.items():
        if aside := sorted(record.spec.seed for record in untimed if code in {flag.code for flag in record.flags}):
            seeds = f"seed{'s' if len(aside) > 1 else ''} {listed(map(str, aside))}"
            yield Sentence(f"{result.strategy} {why} with {seeds}: no times and memory of that.", "ending")
    if base is None or result is base or not result.finished:
        return
    if not result.measured.keys() & base.measured.keys():
        yield Sentence(f"{result.strategy} shares no seed with {base.strategy}.", "standing")
        return
    seeds = _over_seeds(result, base)
    if result.strategy != spelled_out or seeds:
        said = f"{result.strategy} {against_reference(result, base, ranking)}{seeds}."
        yield Sentence(said + untuned([result]) if _seems_to_lose(result, base, ranking) else said, "standing")


def _seems_to_lose(result: StrategyResult, base: StrategyResult, ranking: Ranking) -> bool:
    """Whether a loss of quality is shown, be it certain or not; of a strategy of which nothing is claimed, any that was seen."""
    metric = ranking.quality.metric
    interval, claim = result.relative[metric], ranking.claims.about(metric, result.strategy, base.strategy)
    return claim.leaning == -1 if claim else interval is not None and interval.estimate < 0


def _on_compiling(result: StrategyResult, results: tuple[StrategyResult, ...]) -> Iterator[Sentence]:
    plain = twin(result, results)
    steps = None if plain is None else steps_to_pay(result, plain)
    if plain is None or steps is None:
        return
    if steps == NEVER:
        said = f"does not pay: its steps are no faster than those of {plain.strategy}"
    else:
        said = f"pays for itself after {steps:,.0f} steps, against {plain.strategy}"
    yield Sentence(f"Compiling in {result.strategy} {said}.", "compiling")


def _over_seeds(result: StrategyResult, base: StrategyResult) -> str:
    ours, theirs = ({record.spec.seed for record in one.finished} for one in (result, base))
    if ours == theirs:
        return ""
    common = sorted(ours & theirs)
    return f"; compared over the common seed{'s' if len(common) > 1 else ''} {listed(map(str, common))}"


def _standing(metric: str, result: StrategyResult, base: StrategyResult, ranking: Ranking) -> str:
    """Write how a strategy stands to the reference in one metric; empty where nothing tells."""
    interval, claim = result.relative[metric], ranking.claims.about(metric, result.strategy, base.strategy)
    if interval is None:
        return ""
    if claim and claim.tentative:
        return tentative(claim, base.strategy, ranking)
    kind, word = METRICS[metric], ranking.quality.words[metric]
    if claim and not claim.standing:
        tied = f"is tied with {base.strategy} in speed" if metric == SPEED else f"{word} tied"
        return f"{tied} ({with_bounds(kind, interval)})"
    number = change(kind, interval.estimate, is_told=claim is not None)
    said = {
        SPEED: f"{'is' if claim else 'ran'} {number} as fast as {base.strategy}",
        MEMORY: f"{'uses' if claim else 'used'} {number} the memory",
    }.get(metric, f"{word} {number}")
    return said + (within(kind, interval) or ("" if claim else " (no interval)"))
