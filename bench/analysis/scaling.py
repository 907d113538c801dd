"""How the throughput of a strategy grows with the processes that share its runs, where runs of one process lie beside them."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from bench.analysis.strategy_result import relative
from bench.analysis.words.numbers import change, percent, within
from bench.records.comparability import MICRO_BATCH, mismatches
from bench.records.metrics import METRICS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bench.analysis.comparison import Comparison

__all__ = ["efficiencies"]

_BY_PROCESSES = {"num_processes", "parallel", "threads", MICRO_BATCH}
"""What may differ between runs of one process and of several: each has its rows of a batch, and on a CPU they share the processors."""


def efficiencies(comparisons: Sequence[Comparison]) -> tuple[str, ...]:
    """Say of each strategy that was run by one process and by several how many times the throughput that is.

    Runs of unlike numbers of processes are never in one comparison. Efficiency is the factor over their number.
    """
    said = (line for alone, shared in product(comparisons, repeat=2) for line in _between(alone, shared))
    return tuple(dict.fromkeys(said))


def _between(alone: Comparison, shared: Comparison) -> Iterator[str]:
    num = _num_processes(shared)
    if num is None or num < 2 or _num_processes(alone) not in (None, 1):  # noqa: PLR2004
        return
    if {mismatch.field for mismatch in mismatches([*alone.records, *shared.records])} - _BY_PROCESSES:
        return
    metric, one = METRICS["samples_per_second"], {result.strategy: result for result in alone.results}
    for result in shared.results:
        base = one.get(result.strategy)
        if base and (factor := relative(result, base, "samples_per_second")):
            yield (
                f"{result.strategy} by {num} processes has {change(metric, factor.estimate)} the throughput of one"
                f"{within(metric, factor) or ' (no interval)'}: an efficiency of {percent(factor.estimate / num)}."
            )


def _num_processes(comparison: Comparison) -> int | None:
    return comparison.records[0].spec.num_processes if comparison.records else None
