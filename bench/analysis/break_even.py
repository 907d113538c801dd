"""When compiling pays for itself."""

from __future__ import annotations

import math
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bench.analysis.strategy_result import StrategyResult
    from bench.experiment.spec import Term
    from bench.records.record import Measurement

__all__ = ["NEVER", "steps_to_pay", "twin"]

NEVER = math.inf
"""Steps after which compiling pays where its steps are no faster."""


def twin(result: StrategyResult, results: Iterable[StrategyResult]) -> StrategyResult | None:
    """Find the finished strategy that differs from a compiling one in that alone; None where there is none."""
    if "compile" not in {term.name for term in result.records[0].spec.strategy}:
        return None
    wanted = _apart_from_compiling(result)
    return next(
        (one for one in results if one is not result and one.finished and _apart_from_compiling(one) == wanted), None
    )


def steps_to_pay(result: StrategyResult, plain: StrategyResult) -> float | None:
    """Count the optimizer steps after which compiling has cost no time; None where it was not measured.

    From the medians over seeds of what compiling took and of a steady step with and without it.
    """
    ours, theirs = ([*one.timed.values()] for one in (result, plain))
    costs = [one.compile_seconds for one in ours if one.compile_seconds is not None]
    if not costs or not theirs:
        return None
    saved = median(map(_steady_step, theirs)) - median(map(_steady_step, ours))
    return math.ceil(median(costs) / saved) if saved > 0 else NEVER


def _apart_from_compiling(result: StrategyResult) -> frozenset[Term]:
    """Return the terms that say what trains; `compile` alone means `full`."""
    return frozenset(term for term in result.records[0].spec.strategy if term.name not in {"compile", "full"})


def _steady_step(measured: Measurement) -> float:
    return median(measured.step_seconds[measured.num_warmup_steps :] or measured.step_seconds)
