"""Several comparisons side by side: strategies down, workloads across."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.analysis import provenance
from bench.analysis.words.numbers import ENDINGS, NOT_MEASURED, change

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.analysis.comparison import Comparison, Row

__all__ = ["Overview", "overview"]


@dataclass(frozen=True, slots=True)
class Overview:
    """A table of strategies by workload."""

    workloads: tuple[str, ...]
    references: tuple[str, ...]
    lines: tuple[tuple[str, tuple[tuple[str, ...], ...]], ...]
    """By strategy: in each workload, how it stands to the reference, a phrase per metric."""


def overview(comparisons: Sequence[Comparison]) -> Overview:
    """Set strategies against workloads; what was not run there is a dash."""
    names = dict.fromkeys(row.strategy for comparison in comparisons for row in comparison.rows)
    by_name = [{row.strategy: row for row in comparison.rows} for comparison in comparisons]
    return Overview(
        workloads=provenance.titles(comparisons),
        references=tuple(each.reference or NOT_MEASURED for each in comparisons),
        lines=tuple((name, tuple(_cell(rows.get(name)) for rows in by_name)) for name in names),
    )


def _cell(row: Row | None) -> tuple[str, ...]:
    if row is None:
        return (NOT_MEASURED,)
    if not row.finished:
        return (ENDINGS[row.status],)
    if row.is_reference:
        return ("reference", "1.00\N{MULTIPLICATION SIGN}")
    told = tuple(
        f"{word} {change(metric, interval.estimate)}"
        for metric, word in zip(row.quality.headlines, ("speed", "memory", row.quality.word), strict=True)
        if (interval := row.relative[metric])
    )
    return told or ("not compared",)
