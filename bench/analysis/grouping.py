"""Which runs of several directories are compared with each other."""

from __future__ import annotations

from itertools import chain, combinations
from typing import TYPE_CHECKING

from bench.analysis.comparison import compare
from bench.analysis.quality import ACCURACY
from bench.errors import UnknownName
from bench.records.comparability import MICRO_BATCH, WAY, asked, in_words, mismatches

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    from bench.analysis.comparison import Comparison
    from bench.analysis.quality import Quality
    from bench.records.record import RunRecord

__all__ = ["split", "unlike_ways"]

_APART = (MICRO_BATCH, WAY)
"""Fields by which runs stand apart, as they belong together otherwise."""


def split(
    directories: Iterable[Sequence[RunRecord]],
    reference: str | None = None,
    *,
    quality: Quality = ACCURACY,
    rank_suspect: bool = False,
    allow_mismatch: bool = False,
) -> tuple[Comparison, ...]:
    """Compare what belongs together: the runs of one model, data set, device and settings, each against its own reference.

    Strategies may differ in the rows of a forward pass, but where directories have one strategy at several they stay apart, and so
    do those whose models were run in unlike ways.
    A run that ended before it knew its machine is taken to have been on that of its directory.
    Where a comparison has no run of `reference`, its own rule chooses.

    Raises:
        UnknownName: no run at all is of `reference`.

    """
    apart: dict[tuple[Hashable, str], list[list[RunRecord]]] = {}
    for records in directories:
        here: dict[tuple[Hashable, str], list[RunRecord]] = {}
        machines = {_asked(record): record.environment.device_name for record in records if record.environment}
        for record in records:
            of_directory = machines.get(_asked(record), "")
            where = record.environment.device_name if record.environment else of_directory
            here.setdefault((_asked(record), where), []).append(record)
        for key, own in here.items():
            _put(own, apart.setdefault(key, []))
    together = list(chain.from_iterable(apart.values()))
    names = dict.fromkeys(record.spec.name for runs in together for record in runs)
    if reference is not None and reference not in names:
        raise UnknownName("reference", reference, names)
    return tuple(
        compare(
            runs,
            reference if any(run.spec.name == reference for run in runs) else None,
            quality=quality,
            rank_suspect=rank_suspect,
            allow_mismatch=allow_mismatch,
        )
        for runs in together
    )


def unlike_ways(comparisons: Sequence[Comparison]) -> tuple[str, ...]:
    """Say of comparisons that only the way of running the model keeps apart how they can become one."""
    found: dict[str, None] = {}
    for one, other in combinations(comparisons, 2):
        differing = mismatches([*one.records, *other.records])
        if [mismatch.field for mismatch in differing] == [WAY]:
            found[f"What stands apart differs in {in_words(differing)}."] = None
    return tuple(found)


def _put(own: list[RunRecord], groups: list[list[RunRecord]]) -> None:
    """Add the runs of a directory to the first group that has each of its strategies at the same rows of a forward pass, or at none, and all in its way."""
    for group in groups:
        if not any(one.field in _APART for one in mismatches([*group, *own])):
            group.extend(own)
            return
    groups.append(own)


def _asked(record: RunRecord) -> Hashable:
    return tuple((name, value) for name, value in asked(record.spec).items() if name not in _APART)
