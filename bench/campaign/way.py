"""Which way of running the model all runs of a comparison take: the one that was asked for, or that earlier runs took, or that was timed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.analysis.way_times import sums_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bench.experiment.spec import RunSpec
    from bench.experiment.ways import Way
    from bench.records.record import RunRecord

__all__ = ["fastest_way", "is_open", "with_way", "with_way_of"]

LEAST_GAIN = 0.03
"""By how much another way must be faster than packs, in every turn, to take their place."""


def with_way(specs: Iterable[RunSpec], way: Way | None) -> tuple[RunSpec, ...]:
    """Let runs take this way."""
    return tuple(spec.model_copy(update={"way": way}) for spec in specs)


def with_way_of(specs: Sequence[RunSpec], done: Sequence[RunRecord]) -> Sequence[RunSpec]:
    """Let runs whose way is open take that of those that are done; older ones said none, and packed."""
    if any(spec.way for spec in specs):
        return specs
    ways = [record.spec.way for record in sorted(done, key=lambda record: record.status != "ok")]
    return with_way(specs, ways[0]) if ways else specs


def is_open(specs: Iterable[RunSpec], done: Iterable[RunRecord]) -> bool:
    """Whether the way is still to be chosen: none was asked for, and no run ended ok without one."""
    return all(spec.way is None for spec in specs) and not any(record.status == "ok" for record in done)


def fastest_way(times: Mapping[str, Mapping[Way, Sequence[float]]]) -> Way | None:
    """Choose among the ways in which all strategies run, by the sum over them; None where they have none in common.

    The first of WAYS that they have is kept, unless another is faster in every turn by more than LEAST_GAIN.

    Args:
        times: By strategy and way: seconds in every turn.

    """
    sums = sums_of(times)
    if not sums:
        return None
    (first, kept), *others = sums.items()
    faster = {
        way: sum(turns)
        for way, turns in others
        if all(one < (1 - LEAST_GAIN) * other for one, other in zip(turns, kept, strict=True))
    }
    return min(faster, key=faster.__getitem__, default=first)
