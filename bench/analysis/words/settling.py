"""What it would take to tell strategies from the reference, if they differ as observed: said once for all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.analysis.quality import SPEED
from bench.analysis.words.numbers import group
from bench.analysis.words.resolution import Need, data_needed, size

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bench.analysis.ranking import Ranking
    from bench.analysis.strategy_result import StrategyResult

__all__ = ["to_settle"]

_MOST_APART = 3
"""Strategies whose needs are listed one by one."""


def to_settle(
    results: Iterable[StrategyResult],
    base: StrategyResult | None,
    ranking: Ranking,
    metrics: Sequence[str] | None = None,
) -> Iterator[str]:
    """Write how much data would detect the observed differences of ties, or that none would: in speed and in quality, or in `metrics`.

    Each of the results is compared with `base`, by its `relative`.
    """
    if base is None:
        return
    for metric in metrics or (SPEED, ranking.quality.metric):
        needs: list[tuple[str, Need]] = []
        for result in results:
            claim = ranking.claims.about(metric, result.strategy, base.strategy)
            if claim is None or claim.is_detected:
                continue
            effect = size(metric, claim.interval.estimate)
            if need := data_needed(result, base, metric, effect, ranking.level):
                needs.append((result.strategy, need))
        yield from _said(needs, base.strategy, ranking.quality.words[metric])


def _said(needs: list[tuple[str, Need]], base: str, word: str) -> Iterator[str]:
    for kind in dict.fromkeys(need.kind for _, need in needs):
        if hopeless := [name for name, need in needs if need.kind == kind and need.number is None]:
            whatever = Need(kind, None).whatever
            yield f"No {whatever} can tell {group(hopeless)} from {base} in {word}, if they differ as observed."
        able = [(name, need) for name, need in needs if need.kind == kind and need.number is not None]
        if able:
            yield _able(able, base, word)


def _able(able: list[tuple[str, Need]], base: str, word: str) -> str:
    most = max((need for _, need in able), key=lambda need: need.number or 0)
    if len({need for _, need in able}) == 1:
        names, takes = group(name for name, _ in able), most.in_words()
    elif len(able) <= _MOST_APART:
        names = group(name for name, _ in able)
        takes = f"{group(f'{need.in_words(option=False)} for {name}' for name, need in able)} ({most.option})"
    else:
        least = min(need.number or 0 for _, need in able)
        names = group(name for name, _ in able)
        takes = f"between {least:,} and {most.number or 0:,} {most.what} ({most.option})"
    return f"Telling {names} from {base} in {word}, if they differ as observed, takes {takes}."
