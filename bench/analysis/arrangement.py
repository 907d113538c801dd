"""How the rows of a comparison are arranged: together while they are few; of many, those to choose among first, the others by family."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bench.analysis.ranking import letters_among
from bench.analysis.words.numbers import ENDINGS, listed
from bench.plan.describe import family_of
from bench.plan.families import Family
from bench.plan.train_plan import field_rules
from bench.records.metrics import METRICS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from bench.analysis.ranking import Ranking
    from bench.analysis.strategy_result import StrategyResult

__all__ = ["MOST_FIRST", "MOST_TOGETHER", "OTHER", "Arrangement", "Rows", "arranged"]

MOST_TOGETHER = 15
"""Rows that stay in one table, in the order asked for: about what a screen shows at once."""
MOST_FIRST = 10
"""Of more rows, those that come first, the reference among them: as many as there are colours to tell them apart in figures."""
_MOST_NAMED = 3
"""Strategies that a headline names; it counts the others."""
OTHER = "Other"
"""The family of what sets no field that is known here, as a strategy of a later version may."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Some rows under one title."""

    title: str
    results: tuple[StrategyResult, ...]
    about: str
    """How many they are and the range of their values, or how they ended."""


@dataclass(frozen=True, slots=True)
class Arrangement:
    """Every strategy of a comparison, once."""

    first: tuple[StrategyResult, ...]
    """All of them while they are few; else the reference, whom the headline calls ahead, and the frontier (the best of it,
    where it is long)."""
    families: tuple[Rows, ...] = ()
    """The others that finished, by family; the highest quality first, as in `first`."""
    unfinished: Rows | None = None
    """Those without a number to compare."""
    frontier: tuple[str, ...] = ()
    """Of many: the strategies on the frontier, wherever they stand."""
    letters: dict[str, dict[str, str]] = field(default_factory=dict)
    """By metric, of the first: two of them share one exactly if no difference between them is detected."""

    @property
    def is_grouped(self) -> bool:
        """Whether the strategies are too many for one table."""
        return bool(self.families or self.unfinished)

    @property
    def groups(self) -> tuple[Rows, ...]:
        """What follows the first."""
        return (*self.families, *([self.unfinished] if self.unfinished else []))

    @property
    def finished(self) -> tuple[StrategyResult, ...]:
        """The first, then the families."""
        return (*self.first, *(result for rows in self.families for result in rows.results))

    @property
    def all(self) -> tuple[StrategyResult, ...]:
        """Every strategy in this order."""
        return (*self.first, *(result for rows in self.groups for result in rows.results))


def arranged(
    results: tuple[StrategyResult, ...],
    ranking: Ranking,
    named: Sequence[str],
    *,
    on_frontier: Callable[[str], bool | None],
    own_changes: Callable[[StrategyResult], Mapping[str, str]],
) -> Arrangement:
    """Arrange strategies; the rows of few stay as they are.

    `named` are those whom the headline calls ahead; `own_changes` is how a plan differs from the baseline, and not all others do alike.
    """
    if len(results) <= MOST_TOGETHER:
        return Arrangement(results, letters=ranking.letters)
    finished = sorted((result for result in results if result.finished), key=_by_quality)
    frontier = [result for result in finished if on_frontier(result.strategy)]
    base = [result.strategy for result in finished if result.is_reference]
    chosen = list(dict.fromkeys([*base, *named[:_MOST_NAMED], *_in_turn(frontier, ranking)]))[:MOST_FIRST]
    first = tuple(result for result in finished if result.strategy in chosen)
    by_family: dict[str, list[StrategyResult]] = {}
    for result in finished:
        if result not in first:
            by_family.setdefault(_family(own_changes(result)), []).append(result)
    return Arrangement(
        first,
        tuple(
            Rows(family, tuple(by_family[family]), "; ".join(_told(by_family[family], ranking)))
            for family in (*Family, OTHER)
            if family in by_family
        ),
        _unfinished([result for result in results if not result.finished]),
        tuple(result.strategy for result in frontier),
        {metric: letters_among(_ranked(first, ranking), ranking.claims, metric) for metric in ranking.letters},
    )


def _ranked(results: Iterable[StrategyResult], ranking: Ranking) -> list[StrategyResult]:
    return [result for result in results if result.strategy in ranking.names]


def _by_quality(result: StrategyResult) -> float:
    value = result.means[result.quality.metric]
    return math.inf if value is None else -value


def _in_turn(frontier: Sequence[StrategyResult], ranking: Ranking) -> Iterator[str]:
    """Name the best in each metric, then the second best, and so on; one may be named again."""
    orders = (
        sorted((value, result.strategy) for result in frontier if (value := result.means[metric]) is not None)[
            :: -1 if METRICS[metric].better == "higher" else 1
        ]
        for metric in ranking.quality.headlines[::-1]
    )
    return (best[1] for best in itertools.chain.from_iterable(itertools.zip_longest(*orders)) if best)


def _family(changes: Mapping[str, str]) -> str:
    """Find the family by the fields that are its own; a rate alone is no other strategy."""
    fields = changes.keys() - {"lr"}
    return family_of(fields) if not fields or fields & field_rules().keys() else OTHER


def _told(results: Sequence[StrategyResult], ranking: Ranking) -> Iterator[str]:
    yield _counted(len(results))
    for metric in ranking.quality.headlines[::-1]:
        kind = METRICS[metric]
        known = [value for result in results if (value := result.means[metric]) is not None]
        if known:
            ends = dict.fromkeys(kind.format(choose(known)) for choose in (min, max))
            yield f"{kind.label} {' to '.join(ends)}{' samples/s' if kind.unit == 'samples/s' else ''}"


def _unfinished(results: Sequence[StrategyResult]) -> Rows | None:
    if not results:
        return None
    endings = Counter(ENDINGS[result.status] for result in results)
    said = listed(f"{num} {ending if num == 1 else ending.replace('was ', 'were ')}" for ending, num in endings.items())
    return Rows("Not finished", tuple(results), f"{_counted(len(results))}: {said}")


def _counted(num: int) -> str:
    return f"{num} {'strategy' if num == 1 else 'strategies'}"
