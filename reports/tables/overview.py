"""Several comparisons side by side: strategies down, workloads across."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.analysis import provenance
from bench.analysis.words.numbers import ENDINGS, NOT_MEASURED, change
from bench.records.metrics import METRICS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.analysis.comparison import Comparison
    from bench.analysis.strategy_result import StrategyResult

__all__ = ["Overview", "overview"]


@dataclass(frozen=True, slots=True)
class Overview:
    """A table of strategies by workload."""

    workloads: tuple[str, ...]
    references: tuple[str, ...]
    lines: tuple[tuple[str, tuple[tuple[str, ...], ...]], ...]
    """By strategy: in each workload, how it stands to the reference, a phrase per metric."""
    num_first: int
    """Lines of the strategies that come first in some workload; all of them while they are few."""


def overview(comparisons: Sequence[Comparison]) -> Overview:
    """Make the table of strategies by workload; what was not run there is a dash."""
    arranged = [comparison.arrangement for comparison in comparisons]
    first = dict.fromkeys(result.strategy for rows in arranged for result in rows.first)
    names = first | dict.fromkeys(result.strategy for rows in arranged for result in rows.all)
    by_name = [{result.strategy: result for result in comparison.results} for comparison in comparisons]
    return Overview(
        workloads=provenance.titles(comparisons),
        references=tuple(each.reference or NOT_MEASURED for each in comparisons),
        lines=tuple((name, tuple(_cell(results.get(name)) for results in by_name)) for name in names),
        num_first=len(first),
    )


def _cell(result: StrategyResult | None) -> tuple[str, ...]:
    if result is None:
        return (NOT_MEASURED,)
    if not result.finished:
        return (ENDINGS[result.status],)
    if result.is_reference:
        return ("reference", "1.00\N{MULTIPLICATION SIGN}")
    told = tuple(
        f"{word} {change(METRICS[metric], interval.estimate)}"
        for metric, word in zip(result.quality.headlines, ("speed", "memory", result.quality.word), strict=True)
        if (interval := result.relative[metric])
    )
    return told or ("not compared",)
