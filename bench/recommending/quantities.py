"""What a budget bounds, of one strategy, as intervals at the risk of the budget: memory, time, score, throughput."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from bench.analysis import scores
from bench.analysis.claims import NEGLIGIBLE
from bench.analysis.deployment import peak_bytes
from bench.analysis.intervals import Interval, another, step_mean, t_interval
from bench.records.extract import seconds_to_accuracy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench.analysis.strategy_result import StrategyResult
    from bench.records.record import Measurement

__all__ = ["memory", "reached", "score", "score_by_rows", "score_by_seeds", "seconds", "seconds_until", "throughput"]


def memory(result: StrategyResult, risk: float) -> Interval | None:
    """Bytes at the peak of another run, the measured peaks included; None where a finished run did not measure it.

    A single run has no interval. Peaks are nearly the same in every process: its own is taken to vary by 5 %.
    """
    peaks = {run.spec.seed: float(peak) for run in result.finished if (peak := peak_bytes(run)) is not None}
    if not peaks or len(peaks) < len(result.finished):
        return None
    found = another(peaks, risk)
    if found.low is None or found.high is None:
        only, spread = found.estimate, 1 + NEGLIGIBLE["ratio"]
        return Interval(only, only / spread, only * spread, f"one run, taken to vary by {NEGLIGIBLE['ratio']:.0%}")
    return replace(found, low=max(0.0, min(found.low, *peaks.values())), high=max(found.high, *peaks.values()))


def seconds(result: StrategyResult, risk: float, num_samples: int | None = None) -> Interval | None:
    """Seconds that another run trains for, or would on `num_samples` rows; of a single run by its own steps."""
    if len(result.timed) == 1:
        (run,) = result.timed.values()
        return _within_a_run(run, risk, num_samples)
    return _of_another({seed: _total(run, run.train_seconds, num_samples) for seed, run in result.timed.items()}, risk)


def throughput(result: StrategyResult, risk: float) -> Interval | None:
    """Rows per second of another run; of a single run by its own steps."""
    if len(result.timed) != 1:
        return _of_another(result.samples["samples_per_second"], risk)
    (run,) = result.timed.values()
    found = _within_a_run(run, risk, None)
    low, high = (None if bound is None else run.num_samples / bound for bound in (found.high, found.low))
    return replace(found, estimate=run.samples_per_second, low=low, high=high, evidence=None)


def score_by_rows(result: StrategyResult, risk: float) -> Interval | None:
    """The score that the comparison ranks by, as other evaluation rows would have it; None where it was not measured."""
    return scores.interval([*result.evaluations.values()], result.quality.metric, risk)


def score_by_seeds(result: StrategyResult, risk: float) -> Interval | None:
    """The mean of the score over other seeds on the same rows; None for a single run.

    Its spread is never taken to be finer than the rounding to whole rows.
    """
    values = list(result.samples[result.quality.metric].values())
    if len(values) < 2:  # noqa: PLR2004
        return None
    least = 1 / min(one.num_samples for one in result.evaluations.values()) / math.sqrt(12)
    return t_interval(values, f"t over {len(values)} seeds", least_deviation=least, risk=risk)


def score(result: StrategyResult, risk: float) -> Interval | None:
    """The score with the bounds that hold both other rows and, where there are several seeds, other seeds."""
    rows, seeds = score_by_rows(result, risk), score_by_seeds(result, risk)
    if rows is None or rows.bounds is None or seeds is None or seeds.bounds is None:
        return rows
    low, high = min(rows.bounds[0], seeds.bounds[0]), max(rows.bounds[1], seeds.bounds[1])
    return Interval(rows.estimate, max(0.0, low), min(1.0, high), f"over rows, and {seeds.method}")


def reached(result: StrategyResult, target: float) -> dict[int, float | None] | None:
    """By seed, the seconds until the learning curve has the accuracy, None where it never has; None without curves."""
    curves = {seed: run.curve for seed, run in result.timed.items()}
    if not curves or not all(curves.values()):
        return None
    return {seed: seconds_to_accuracy(curve, target) for seed, curve in curves.items()}


def seconds_until(result: StrategyResult, target: float, risk: float) -> Interval | None:
    """Seconds that another run trains until its learning curve has the accuracy; None where a run never has, or has no curve."""
    times = reached(result, target)
    known = {seed: value for seed, value in (times or {}).items() if value is not None}
    return _of_another(known, risk) if times and len(known) == len(times) else None


def _of_another(values: Mapping[int, float], risk: float) -> Interval | None:
    """A quantity of another run, which is never below zero."""
    if not values:
        return None
    found = another(values, risk)
    return found if found.low is None else replace(found, low=max(0.0, found.low))


def _within_a_run(run: Measurement, risk: float, num_samples: int | None) -> Interval:
    """The time of a run with other batches, by blocks of its steady steps; the warm-up and set-up are as they were."""
    steps = run.step_seconds[run.num_warmup_steps :] or run.step_seconds
    mean = step_mean(steps, risk)
    fixed = run.train_seconds - sum(steps)
    low, high = (
        None if bound is None else _total(run, fixed + max(0.0, bound) * len(steps), num_samples)
        for bound in (mean.low, mean.high)
    )
    return replace(mean, estimate=_total(run, run.train_seconds, num_samples), low=low, high=high, evidence=None)


def _total(run: Measurement, train_seconds: float, num_samples: int | None) -> float:
    """The time for so many rows: compiling is paid once, all else for every row."""
    if num_samples is None:
        return train_seconds
    once = run.compile_seconds or 0.0
    return once + max(0.0, train_seconds - once) * num_samples / run.num_samples
