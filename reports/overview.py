"""Several comparisons side by side: strategies down, workloads across."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.analysis.quality import ACCURACY
from bench.comparison import compare
from bench.errors import UnknownName
from bench.matching import asked
from bench.phrases import ENDINGS, change
from reports import provenance
from reports.cells import NOT_MEASURED

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    from bench.analysis.quality import Quality
    from bench.comparison import Comparison, Row
    from bench.record import RunRecord

__all__ = ["Overview", "overview", "split"]


@dataclass(frozen=True, slots=True)
class Overview:
    """A table of strategies by workload."""

    workloads: tuple[str, ...]
    references: tuple[str, ...]
    lines: tuple[tuple[str, tuple[tuple[str, ...], ...]], ...]
    """By strategy: in each workload, how it stands to the reference, a phrase per metric."""


def split(
    directories: Iterable[Sequence[RunRecord]],
    reference: str | None = None,
    *,
    quality: Quality = ACCURACY,
    rank_suspect: bool = False,
    allow_mismatch: bool = False,
) -> tuple[Comparison, ...]:
    """Compare what belongs together: the runs of one model, data set, device and settings, each against its own reference.

    A run that ended before it knew its machine is taken to have been on that of its directory.
    Where a comparison has no run of `reference`, its own rule chooses.

    Raises:
        UnknownName: no run at all is of `reference`.

    """
    apart: dict[tuple[Hashable, str], list[RunRecord]] = {}
    for records in directories:
        machines = {_asked(record): record.environment.device_name for record in records if record.environment}
        for record in records:
            of_directory = machines.get(_asked(record), "")
            where = record.environment.device_name if record.environment else of_directory
            apart.setdefault((_asked(record), where), []).append(record)
    names = dict.fromkeys(record.spec.name for runs in apart.values() for record in runs)
    if reference is not None and reference not in names:
        kind = "reference"
        raise UnknownName(kind, reference, names)
    return tuple(
        compare(
            runs,
            reference if any(run.spec.name == reference for run in runs) else None,
            quality=quality,
            rank_suspect=rank_suspect,
            allow_mismatch=allow_mismatch,
        )
        for runs in apart.values()
    )


def _asked(record: RunRecord) -> Hashable:
    return tuple(asked(record.spec).items())


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
