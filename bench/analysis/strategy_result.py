"""One strategy of a comparison, over all of its seeds, and how it stands to another."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from bench.analysis import intervals, scores
from bench.analysis.quality import ACCURACY, QUALITIES
from bench.records import flags
from bench.records.extract import values_of
from bench.records.metrics import METRICS
from bench.records.micro_batch import rows_asked, rows_planned

if TYPE_CHECKING:
    from collections.abc import Collection

    from bench.analysis.intervals import Interval, Samples
    from bench.analysis.quality import Quality
    from bench.experiment.spec import QualityName
    from bench.records.evaluation import Evaluation
    from bench.records.forecast import Forecast
    from bench.records.record import Flag, LayerRate, Measurement, RunRecord, Status
    from bench.records.tuning import Tuning

__all__ = ["StrategyResult", "against", "make_result", "relative"]

_STEP_METRICS = {"samples_per_second", "train_seconds", "steady_samples_per_second", "step_seconds_median"}
"""Metrics that a single seed can compare through its own step times."""

_WITH_SET_UP = {"samples_per_second", "train_seconds"}
"""Those of them that count what comes before the first step."""


@dataclass(frozen=True)  # without slots, so that what is gathered from thousands of runs is gathered once
class StrategyResult:
    """One strategy, over all of its seeds."""

    strategy: str
    records: tuple[RunRecord, ...]
    """By seed; the newest where a seed was run twice."""
    finished: tuple[RunRecord, ...]
    """Of them, those that ended well."""
    measured: dict[int, Measurement]
    """By seed, of the runs that ended well."""
    samples: dict[str, Samples]
    """By metric and seed, of the runs that ended well."""
    means: dict[str, float | None]
    """By metric: the mean over seeds. Of a strategy without a finished run, the memory that is known."""
    relative: dict[str, Interval | None]
    """By metric, against the reference: a ratio or a difference, as METRICS says; None where it cannot be had."""
    quality: Quality
    """What ranking, ties and headline speak of."""
    quality_interval: Interval | None
    """Of its mean over seeds, by the evaluation rows."""
    majority_quality: float | None
    """That of always predicting the most frequent class."""
    is_reference: bool

    @property
    def status(self) -> Status:
        """How the first run ended, or "ok" if any ended well."""
        return "ok" if self.finished else self.records[0].status

    @property
    def reason(self) -> str | None:
        """Why the first run that did not end well did not."""
        return next((record.reason for record in self.records if record.status != "ok"), None)

    @cached_property
    def flags(self) -> tuple[Flag, ...]:
        """The doubts about its runs, each once."""
        return tuple(dict.fromkeys(flag for record in self.records for flag in record.flags))

    @cached_property
    def evaluated_on(self) -> dict[int, tuple[str, int]]:
        """By seed, the rows that it was trained and evaluated on: their digest, and how many the latter were."""
        return {seed: (run.data_digest, run.evaluation.num_samples) for seed, run in self.measured.items()}

    @cached_property
    def timed(self) -> dict[int, Measurement]:
        """By seed, the runs that ended well and whose times and memory can be compared."""
        return {
            record.spec.seed: record.measured
            for record in self.finished
            if record.measured and flags.is_timed(record.flags)
        }

    @cached_property
    def evaluations(self) -> dict[int, Evaluation]:
        """By seed, the evaluation after training."""
        return {seed: run.evaluation for seed, run in self.measured.items()}

    @cached_property
    def doubts(self) -> tuple[Flag, ...]:
        """Those flags of its finished runs that keep it from being ranked, each once."""
        return tuple(dict.fromkeys(flag for record in self.finished for flag in flags.barring(record.flags)))

    @property
    def is_suspect(self) -> bool:
        """Whether a flag says that its numbers do not show what they seem to."""
        return bool(self.doubts)

    @property
    def changes(self) -> dict[str, str]:
        """How its plan differs from the baseline, by field; by their names what its strategies say of themselves."""
        return next((record.changes for record in self.records if record.changes), {})

    @property
    def layer_rates(self) -> tuple[LayerRate, ...]:
        """Its layers with their rates, which its seeds share; empty where no run finished."""
        return next((run.layer_rates for run in self.measured.values()), ())

    @property
    def tuning(self) -> Tuning | None:
        """How its learning rate was found, which its seeds share; None where it was not searched for."""
        return next((record.tuning for record in self.records if record.tuning and record.tuning.trials), None)

    @property
    def batch_size(self) -> int:
        """Rows of an optimizer step."""
        return self.records[0].spec.batch_size

    @property
    def micro_batch_size(self) -> int:
        """Most rows of a forward pass, which its runs share; all that a process has of a batch, where nothing cuts that."""
        return next(filter(None, map(rows_planned, self.records)), rows_asked(self.records[0].spec))

    @property
    def forecast(self) -> Forecast | None:
        """What was told of it before it ran, of all seeds alike; None where nothing was."""
        return next((record.forecast for record in self.records if record.forecast), None)

    @property
    def why_no_forecast(self) -> str | None:
        """Why nothing was told of it, where that was asked for."""
        return (
            None if self.forecast else next((why for record in self.records if (why := record.why_no_forecast)), None)
        )

    @property
    def beats_majority(self) -> bool | None:
        """Whether its interval lies above always predicting the most frequent class; None is not measured."""
        if self.quality_interval is None or self.quality_interval.bounds is None or self.majority_quality is None:
            return None
        return self.quality_interval.side(self.majority_quality) == 1


def make_result(
    name: str, records: tuple[RunRecord, ...], *, is_reference: bool, quality: Quality = ACCURACY
) -> StrategyResult:
    """Summarise the runs of one strategy, not yet compared with any other."""
    finished = tuple(record for record in records if record.status == "ok")
    numbers = {record.spec.seed: values_of(record) for record in finished}
    samples = {
        metric: intervals.Samples(
            (seed, value) for seed, values in numbers.items() if (value := values[metric]) is not None
        )
        for metric in METRICS
    }
    known = values_of(records[0]) if not finished else {}
    measured = {record.spec.seed: record.measured for record in finished if record.measured}
    evaluations = [each.evaluation for each in measured.values()]
    return StrategyResult(
        strategy=name,
        records=records,
        finished=finished,
        measured=measured,
        samples=samples,
        means={metric: _mean(samples[metric].values(), known.get(metric)) for metric in METRICS},
        relative=dict.fromkeys(METRICS),
        quality=quality,
        quality_interval=scores.interval(evaluations, quality.metric),
        majority_quality=scores.of_majority(evaluations[0], quality.metric) if evaluations else None,
        is_reference=is_reference,
    )


def against(result: StrategyResult, base: StrategyResult) -> StrategyResult:
    """The same result with its comparison to another, which is not compared with itself."""
    if result is base:
        return result
    return replace(result, relative={metric: relative(result, base, metric) for metric in METRICS})


def relative(result: StrategyResult, base: StrategyResult, metric: str) -> Interval | None:
    """Compare one metric of two strategies: paired by seed, or within the run where there is one seed.

    Within one run, the interval of a time is that of its steady steps, set-up (a cache, compiling)
    added as it was measured, and widened where necessary to hold the quotient of the two values
    that the table shows.
    """
    kind = METRICS[metric].compare
    ours, theirs = result.samples[metric], base.samples[metric]
    common = ours.keys() & theirs.keys()
    if kind == "none" or not common:
        return None
    if metric in QUALITIES:
        return _score_difference(result, base, QUALITIES[metric].metric)
    if kind == "difference":
        return intervals.difference(ours, theirs)
    if len(common) == 1 and metric in _STEP_METRICS and (within := _within_a_run(result, base, metric, *common)):
        return within
    return intervals.ratio(ours, theirs)


def _within_a_run(result: StrategyResult, base: StrategyResult, metric: str, seed: int) -> Interval | None:
    """Compare the step times of one seed, after the longer warm-up; None where they do not pair."""
    runs = result.measured[seed], base.measured[seed]
    first = max(run.num_warmup_steps for run in runs)
    steps, base_steps = (run.step_seconds[first:] for run in runs)
    if not steps or len(steps) != len(base_steps):
        return None
    of_times = intervals.step_ratio(steps, base_steps)
    if metric in _WITH_SET_UP:
        of_times = of_times.with_fixed(_set_up(result, seed), _set_up(base, seed), sum(base_steps))
    interval = of_times.inverse() if METRICS[metric].better == "higher" else of_times
    return interval.around(result.samples[metric][seed] / base.samples[metric][seed])


def _set_up(result: StrategyResult, seed: int) -> float:
    """Seconds that a run of one seed was billed before its first step."""
    return sum(result.samples[part].get(seed, 0.0) for part in ("cache_seconds", "compile_seconds"))


def _score_difference(result: StrategyResult, base: StrategyResult, metric: QualityName) -> Interval | None:
    """Compare on the same rows; None where the two were evaluated on different ones."""
    common = result.evaluated_on.keys() & base.evaluated_on.keys()
    if any(result.evaluated_on[seed] != base.evaluated_on[seed] for seed in common):
        return None
    return scores.difference(result.evaluations, base.evaluations, metric)


def _mean(values: Collection[float], otherwise: float | None) -> float | None:
    return sum(values) / len(values) if values else otherwise
