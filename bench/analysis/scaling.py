"""How the throughput of a strategy grows with the processes that share its runs, where runs of one process lie beside them."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from bench.analysis.strategy_result import relative
from bench.analysis.words.numbers import change, percent, within
from bench.experiment.spec import LR, Term
from bench.records.comparability import MICRO_BATCH, mismatches
from bench.records.metrics import METRICS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bench.analysis.comparison import Comparison
    from bench.analysis.strategy_result import StrategyResult

__all__ = ["efficiencies"]

_BY_PROCESSES = {"num_processes", "parallel", "threads", MICRO_BATCH}
"""What may differ between runs of one process and of several: each has its rows of a batch, and on a CPU they share the processors."""
_OF_SEVERAL = "shard"
"""The strategy that one process cannot run."""
_ON_CPU = "On a CPU processes share the processors: efficiency there is not that of more devices."


def efficiencies(comparisons: Sequence[Comparison]) -> tuple[str, ...]:
    """Say of each strategy that was run by one process and by several how many times the throughput that is.

    What several processes cut among them is held against the same without `shard`, where one ran that.
    Runs of unlike numbers of processes are never in one comparison. Efficiency is the factor over their number.
    """
    said = {line: shared for alone, shared in product(comparisons, repeat=2) for line in _between(alone, shared)}
    on_cpu = any(shared.records[0].spec.device == "cpu" for shared in said.values())
    return (*said, _ON_CPU) if on_cpu else tuple(said)


def _between(alone: Comparison, shared: Comparison) -> Iterator[str]:
    num = _num_processes(shared)
    if num is None or num < 2 or _num_processes(alone) not in (None, 1):  # noqa: PLR2004
        return
    if {mismatch.field for mismatch in mismatches([*alone.records, *shared.records])} - _BY_PROCESSES:
        return
    metric, one = METRICS["samples_per_second"], {_terms(result): result for result in alone.results}
    for result in shared.results:
        terms = _terms(result)
        base = one.get(terms) or one.get(_whole(terms))
        if base and (factor := relative(result, base, "samples_per_second")):
            whose = "one" if base.strategy == result.strategy else f"{base.strategy} by one"
            yield (
                f"{result.strategy} by {num} processes has {change(metric, factor.estimate)} the throughput of {whose}"
                f"{within(metric, factor) or ' (no interval)'}: an efficiency of {percent(factor.estimate / num)}."
            )


def _terms(result: StrategyResult) -> tuple[Term, ...]:
    return result.records[0].spec.strategy


def _whole(terms: tuple[Term, ...]) -> tuple[Term, ...]:
    """The composition where nothing is cut, at the same rate."""
    rest = tuple(term for term in terms if term.name != _OF_SEVERAL)
    if not rest:
        return ()
    rates = [option for term in terms if term.name == _OF_SEVERAL for option in term.options if option[0] == LR]
    return (Term(name=rest[0].name, options=tuple(sorted((*rest[0].options, *rates)))), *rest[1:])


def _num_processes(comparison: Comparison) -> int | None:
    return comparison.records[0].spec.num_processes if comparison.records else None
