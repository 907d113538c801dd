"""Strategy by strategy: how it ended, how it stands to the reference, and what would settle what is open."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Literal

from bench.analysis.break_even import NEVER, steps_to_pay, twin
from bench.analysis.quality import MEMORY, SPEED
from bench.analysis.tuning import untuned
from bench.analysis.words.numbers import ENDINGS, bounds, change, listed, with_bounds, within
from bench.analysis.words.settling import to_settle
from bench.records.metrics import METRICS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bench.analysis.claims import Claim
    from bench.analysis.intervals import Interval
    from bench.analysis.ranking import Ranking
    from bench.analysis.strategy_result import Row

__all__ = ["Sentence", "against_reference", "looking", "sentences"]


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence beside the headline, and what it is about."""

    text: str
    about: Literal["ending", "standing", "settling", "compiling"]
    """How a strategy ended or why it is not ranked; how it stands to the reference; what would settle what is open;
    when compiling pays."""


def sentences(
    rows: Iterable[Row], ranking: Ranking, *, spelled_out: str = "", advice: str = ""
) -> tuple[Sentence, ...]:
    """Speak of every row in their order, but not of how one stands that the headline has spelled out; then give advice."""
    rows = tuple(rows)
    base = next((row for row in rows if row.is_reference and row.finished), None)
    by_row = chain.from_iterable(
        (*_of(row, base, ranking, spelled_out=spelled_out), *_on_compiling(row, rows)) for row in rows
    )
    return (*by_row, *(Sentence(said, "settling") for said in (advice, *to_settle(rows, base, ranking)) if said))


def against_reference(row: Row, base: Row, ranking: Ranking) -> str:
    """Write how a row stands: "is 1.42x as fast as full (1.38 to 1.47), uses 0.97x the memory, accuracy tied (...)"."""
    parts = (_speed(row, base, ranking), _memory(row, base, ranking), _quality(row, base, ranking))
    return ", ".join(part for part in parts if part)


def looking(claim: Claim, base: str, ranking: Ranking, *, with_doubt: bool = True) -> str:
    """Write what a difference that is not certain looks like: "looks faster than full (1.79x, 1.29 to 2.50; not certain ...)"."""
    is_better = claim.looks == 1
    numbers = f"({with_bounds(claim.metric, claim.interval)}{f'; {claim.doubt}' if with_doubt else ''})"
    if claim.metric == SPEED:
        return f"looks {'faster' if is_better else 'slower'} than {base} {numbers}"
    is_higher = is_better == (METRICS[claim.metric].better == "higher")
    return f"looks {'higher' if is_higher else 'lower'} in {ranking.quality.words[claim.metric]} {numbers}"


def _of(row: Row, base: Row | None, ranking: Ranking, *, spelled_out: str) -> Iterator[Sentence]:
    bad = [record for record in row.records if record.status != "ok"]
    if bad:
        share = f" for {len(bad)} of {len(row.records)} seeds" if row.finished else ""
        why = f": {' '.join(row.reason.split())}" if row.reason else ""
        yield Sentence(f"{row.strategy} {ENDINGS[bad[0].status]}{share}{why.rstrip('.')}.", "ending")
    if row.finished and row.strategy not in ranking.names and row.is_suspect:
        why = "; ".join(f"{flag.code}: {' '.join(flag.message.split())}" for flag in row.doubts)
        yield Sentence(f"{row.strategy} is shown but not ranked ({why}).", "ending")
    if base is None or row is base or not row.finished:
        return
    if row.relative[SPEED] is None:
        yield Sentence(f"{row.strategy} shares no seed with {base.strategy}.", "standing")
        return
    seeds = _over_seeds(row, base)
    if row.strategy != spelled_out or seeds:
        said = f"{row.strategy} {against_reference(row, base, ranking)}{seeds}."
        yield Sentence(f"{said} {untuned([row])}" if _seems_to_lose(row, base, ranking) else said, "standing")


def _seems_to_lose(row: Row, base: Row, ranking: Ranking) -> bool:
    """Whether a loss of quality is shown, be it certain or not; of a row of which nothing is claimed, any that was seen."""
    metric = ranking.quality.metric
    interval, claim = row.relative[metric], ranking.claims.about(metric, row.strategy, base.strategy)
    return claim.leaning == -1 if claim else interval is not None and interval.estimate < 0


def _on_compiling(row: Row, rows: tuple[Row, ...]) -> Iterator[Sentence]:
    plain = twin(row, rows)
    steps = None if plain is None else steps_to_pay(row, plain)
    if plain is None or steps is None:
        return
    if steps == NEVER:
        said = f"does not pay: its steps are no faster than those of {plain.strategy}"
    else:
        said = f"pays for itself after {steps:,.0f} steps, against {plain.strategy}"
    yield Sentence(f"Compiling in {row.strategy} {said}.", "compiling")


def _over_seeds(row: Row, base: Row) -> str:
    ours, theirs = ({record.spec.seed for record in one.finished} for one in (row, base))
    if ours == theirs:
        return ""
    common = sorted(ours & theirs)
    return f"; compared over the common seed{'s' if len(common) > 1 else ''} {listed(map(str, common))}"


def _speed(row: Row, base: Row, ranking: Ranking) -> str:
    metric = SPEED
    interval, claim = row.relative[metric], ranking.claims.about(metric, row.strategy, base.strategy)
    assert interval is not None, "asked only of rows that share a seed with the reference"
    if claim is None:
        return f"ran {change(metric, interval.estimate)} as fast as {base.strategy}{_seen(metric, interval)}"
    if claim.looks:
        return looking(claim, base.strategy, ranking)
    if not claim.standing:
        return f"is tied with {base.strategy} in speed ({with_bounds(metric, interval)})"
    return f"is {change(metric, interval.estimate, is_told=True)} as fast as {base.strategy}{within(metric, interval)}"


def _memory(row: Row, base: Row, ranking: Ranking) -> str:
    metric = MEMORY
    interval, claim = row.relative[metric], ranking.claims.about(metric, row.strategy, base.strategy)
    if interval is None:
        return ""
    if claim is None:
        return f"used {change(metric, interval.estimate)} the memory{_seen(metric, interval)}"
    if claim.looks:
        return looking(claim, base.strategy, ranking)
    if not claim.standing:
        return f"memory tied ({with_bounds(metric, interval)})"
    return f"uses {change(metric, interval.estimate, is_told=True)} the memory{within(metric, interval)}"


def _quality(row: Row, base: Row, ranking: Ranking) -> str:
    metric, word = ranking.quality.metric, ranking.quality.word
    interval, claim = row.relative[metric], ranking.claims.about(metric, row.strategy, base.strategy)
    if interval is None:
        return ""
    if claim is None:
        return f"{word} {change(metric, interval.estimate)}{_seen(metric, interval)}"
    if claim.looks:
        return looking(claim, base.strategy, ranking)
    if not claim.standing:
        return f"{word} tied ({with_bounds(metric, interval)})"
    return f"{word} {change(metric, interval.estimate, is_told=True)}{within(metric, interval)}"


def _seen(metric: str, interval: Interval) -> str:
    """What bounds a value of which nothing is claimed."""
    return within(metric, interval) if bounds(metric, interval) else " (no interval)"
