"""One strategy of a comparison, over all of its seeds, and how it stands to another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench import flags, shares, stats
from bench.metrics import METRICS
from bench.values import values_of

if TYPE_CHECKING:
    from collections.abc import Collection

    from bench.record import Flag, RunRecord, Status
    from bench.stats import Interval

__all__ = ["Row", "make_row", "relative"]

_STEP_METRICS = {"samples_per_second", "train_seconds", "steady_samples_per_second", "step_seconds_median"}
"""Metrics that a single seed can compare through its own step times."""

_WITH_SET_UP = {"samples_per_second", "train_seconds"}
"""Those of them that count what comes before the first step."""


@dataclass(frozen=True, slots=True)
class Row:
    """One strategy, over all of its seeds."""

    strategy: str
    records: tuple[RunRecord, ...]
    """By seed; the newest where a seed was run twice."""
    finished: tuple[RunRecord, ...]
    """Of them, those that ended well."""
    samples: dict[str, dict[int, float]]
    """By metric and seed, of the runs that ended well."""
    means: dict[str, float | None]
    """By metric: the mean over seeds. Of a strategy without a finished run, the memory that is known."""
    relative: dict[str, Interval | None]
    """By metric, against the reference: a ratio or a difference, as METRICS says; None where it cannot be had."""
    accuracy: Interval | None
    """Wilson interval of the mean accuracy, over the evaluation rows."""
    majority_accuracy: float | None
    is_reference: bool

    @property
    def status(self) -> Status:
        """How the first run ended, or "ok" if any ended well."""
        return "ok" if self.finished else self.records[0].status

    @property
    def reason(self) -> str | None:
        """Why the first run that did not end well did not."""
        return next((record.reason for record in self.records if record.status != "ok"), None)

    @property
    def flags(self) -> tuple[Flag, ...]:
        """The doubts about its runs, each once."""
        return tuple(dict.fromkeys(flag for record in self.records for flag in record.flags))

    @property
    def doubts(self) -> tuple[Flag, ...]:
        """Those flags of its finished runs that keep it from being ranked, each once."""
        found = (flag for record in self.finished for flag in record.flags if flags.is_suspect(flag.code))
        return tuple(dict.fromkeys(found))

    @property
    def is_suspect(self) -> bool:
        """Whether a flag says that its numbers do not show what they seem to."""
        return bool(self.doubts)

    @property
    def changes(self) -> dict[str, str]:
        """How its plan differs from the baseline, by field."""
        return next((record.changes for record in self.records if record.changes), {})

    @property
    def beats_majority(self) -> bool | None:
        """Whether its interval lies above always answering the most frequent class; None is not measured."""
        if self.accuracy is None or self.majority_accuracy is None:
            return None
        return self.accuracy.side(self.majority_accuracy) == 1


def make_row(name: str, records: tuple[RunRecord, ...], *, is_reference: bool) -> Row:
    """Gather the runs of one strategy; it is not yet set against anything."""
    finished = tuple(record for record in records if record.status == "ok")
    numbers = {record.spec.seed: values_of(record) for record in finished}
    samples = {
        metric: {seed: value for seed, values in numbers.items() if (value := values[metric]) is not None}
        for metric in METRICS
    }
    known = values_of(records[0]) if not finished else {}
    evaluations = [record.measured.evaluation for record in finished if record.measured]
    num_rows = min((evaluation.num_samples for evaluation in evaluations), default=0)
    accuracies = samples["accuracy"].values()
    return Row(
        strategy=name,
        records=records,
        finished=finished,
        samples=samples,
        means={metric: _mean(samples[metric].values(), known.get(metric)) for metric in METRICS},
        relative=dict.fromkeys(METRICS),
        # Seeds share their evaluation rows, so more seeds do not make the sample of rows any larger.
        accuracy=shares.wilson(sum(accuracies) / len(accuracies) * num_rows, num_rows) if evaluations else None,
        majority_accuracy=evaluations[0].majority_accuracy if evaluations else None,
        is_reference=is_reference,
    )


def relative(row: Row, base: Row, metric: str) -> Interval | None:
    """Set one metric of a row against another row's: paired by seed, or within the run where there is one seed.

    Within one run, the interval of a time is that of its steady steps, set-up (a cache, compiling)
    added as it was measured, and widened where necessary to hold the quotient of the two values
    that the table shows.
    """
    kind = METRICS[metric].compare
    ours, theirs = row.samples[metric], base.samples[metric]
    common = sorted(ours.keys() & theirs.keys())
    if kind == "none" or not common:
        return None
    if metric == "accuracy":
        return _accuracy_difference(row, base)
    if kind == "difference":
        return stats.difference(ours, theirs)
    steps, base_steps = _paired_steps(row, base, common[0])
    if len(common) == 1 and metric in _STEP_METRICS and steps and len(steps) == len(base_steps):
        of_times = stats.step_ratio(steps, base_steps)
        if metric in _WITH_SET_UP:
            of_times = of_times.with_fixed(_set_up(row, common[0]), _set_up(base, common[0]), sum(base_steps))
        interval = of_times.inverse() if METRICS[metric].better == "higher" else of_times
        return interval.around(ours[common[0]] / theirs[common[0]])
    return stats.ratio(ours, theirs)


def _set_up(row: Row, seed: int) -> float:
    """Seconds that a run of one seed was billed before its first step."""
    return sum(row.samples[part].get(seed, 0.0) for part in ("cache_seconds", "compile_seconds"))


def _paired_steps(row: Row, base: Row, seed: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The step times of both rows' runs of one seed, after the longer warm-up."""
    ours, theirs = (
        next(record.measured for record in one.finished if record.spec.seed == seed and record.measured)
        for one in (row, base)
    )
    first = max(ours.num_warmup_steps, theirs.num_warmup_steps)
    return ours.step_seconds[first:], theirs.step_seconds[first:]


def _accuracy_difference(row: Row, base: Row) -> Interval | None:
    """Compare row by row; None where the two were evaluated on different rows."""
    ours, theirs = (
        {record.spec.seed: record.measured for record in one.finished if record.measured} for one in (row, base)
    )
    pairs = stats.paired(ours, theirs)
    if any(
        one.data_digest != other.data_digest or one.evaluation.num_samples != other.evaluation.num_samples
        for one, other in pairs
    ):
        return None
    answers, base_answers = (
        {seed: measured.evaluation.correct for seed, measured in arm.items()} for arm in (ours, theirs)
    )
    return shares.accuracy_difference(answers, base_answers)


def _mean(values: Collection[float], otherwise: float | None) -> float | None:
    return sum(values) / len(values) if values else otherwise
