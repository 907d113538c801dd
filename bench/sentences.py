"""Strategy by strategy: how it ended, how it stands to the reference, and what would settle a tie."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from bench.breakeven import NEVER, steps_to_pay, twin
from bench.phrases import ENDINGS, change, listed, with_bounds, within
from bench.ranking import no_change
from bench.resolution import data_needed, size

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bench.ranking import Ranking
    from bench.row import Row
    from bench.stats import Interval

__all__ = ["against_reference", "sentences"]


def sentences(rows: Iterable[Row], ranking: Ranking, *, spelled_out: str = "") -> tuple[str, ...]:
    """Speak of every row in their order, but not of how one stands that the headline has spelled out."""
    rows = tuple(rows)
    base = next((row for row in rows if row.is_reference and row.finished), None)
    return tuple(
        sentence
        for row in rows
        for sentence in chain(_of(row, base, ranking, spelled_out=spelled_out), _on_compiling(row, rows))
    )


def against_reference(row: Row, base: Row, ranking: Ranking) -> str:
    """Say how a row stands: "is 1.42x as fast as full (1.38 to 1.47), uses 0.97x the memory, accuracy tied (...)"."""
    parts = (_speed(row, base, ranking), _memory(row, base, ranking), _quality(row, base, ranking))
    return ", ".join(part for part in parts if part)


def _of(row: Row, base: Row | None, ranking: Ranking, *, spelled_out: str) -> Iterator[str]:
    bad = [record for record in row.records if record.status != "ok"]
    if bad:
        share = f" for {len(bad)} of {len(row.records)} seeds" if row.finished else ""
        why = f": {' '.join(row.reason.split())}" if row.reason else ""
        yield f"{row.strategy} {ENDINGS[bad[0].status]}{share}{why.rstrip('.')}."
    if row.finished and row.strategy not in ranking.names and row.is_suspect:
        why = "; ".join(f"{flag.code}: {' '.join(flag.message.split())}" for flag in row.doubts)
        yield f"{row.strategy} is shown but not ranked ({why})."
    if base is None or row is base or not row.finished:
        return
    if row.relative["samples_per_second"] is None:
        yield f"{row.strategy} shares no seed with {base.strategy}."
        return
    seeds = _over_seeds(row, base)
    if row.strategy != spelled_out or seeds:
        yield f"{row.strategy} {against_reference(row, base, ranking)}{seeds}."
    if needed := list(_to_settle(row, base, ranking)):
        yield f"Telling {row.strategy} from {base.strategy}, if they differ as observed, takes {listed(needed)}."


def _on_compiling(row: Row, rows: tuple[Row, ...]) -> Iterator[str]:
    plain = twin(row, rows)
    steps = None if plain is None else steps_to_pay(row, plain)
    if plain is None or steps is None:
        return
    if steps == NEVER:
        yield f"Compiling in {row.strategy} does not pay: its steps are no faster than those of {plain.strategy}."
    else:
        yield f"Compiling in {row.strategy} pays for itself after {steps:,.0f} steps, against {plain.strategy}."


def _over_seeds(row: Row, base: Row) -> str:
    ours, theirs = ({record.spec.seed for record in one.finished} for one in (row, base))
    if ours == theirs:
        return ""
    common = sorted(ours & theirs)
    return f"; compared over the common seed{'s' if len(common) > 1 else ''} {listed(map(str, common))}"


def _to_settle(row: Row, base: Row, ranking: Ranking) -> Iterator[str]:
    for metric, word in row.quality.worth_settling.items():
        interval = row.relative[metric]
        if interval is None or ranking.standing(metric, row.strategy, base.strategy) != 0:
            continue
        if needed := data_needed(row, base, metric, size(metric, interval.estimate), ranking.level):
            yield f"{needed} in {word}"


def _speed(row: Row, base: Row, ranking: Ranking) -> str:
    metric, interval = "samples_per_second", row.relative["samples_per_second"]
    assert interval is not None, "asked only of rows that share a seed with the reference"
    if interval.bounds is None:
        return f"ran {change(metric, interval.estimate)} as fast as {base.strategy} (no interval)"
    if tied := _tied(metric, row, base, interval, ranking):
        return f"is {tied} with {base.strategy} in speed ({with_bounds(metric, interval)})"
    return f"is {change(metric, interval.estimate)} as fast as {base.strategy}{within(metric, interval)}"


def _memory(row: Row, base: Row, ranking: Ranking) -> str:
    metric, interval = "training_memory_bytes", row.relative["training_memory_bytes"]
    if interval is None:
        return ""
    if tied := _tied(metric, row, base, interval, ranking):
        return f"memory {tied} ({with_bounds(metric, interval)})"
    return f"uses {change(metric, interval.estimate)} the memory{within(metric, interval)}"


def _quality(row: Row, base: Row, ranking: Ranking) -> str:
    metric, word = row.quality.metric, row.quality.word
    interval = row.relative[metric]
    if interval is None:
        return ""
    if tied := _tied(metric, row, base, interval, ranking):
        return f"{word} {tied} ({with_bounds(metric, interval)})"
    told = f"{word} {change(metric, interval.estimate)}"
    return told + (within(metric, interval) if interval.bounds else " (no interval)")


def _tied(metric: str, row: Row, base: Row, interval: Interval, ranking: Ranking) -> str:
    """Say "tied", or "narrowly tied" where the interval excludes "the same" but all pairs together do not."""
    if interval.side(no_change(metric)) == 0:
        return "tied"
    return "narrowly tied" if ranking.standing(metric, row.strategy, base.strategy) == 0 else ""
