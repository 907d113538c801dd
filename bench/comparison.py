"""Records of one comparison turned into what every output says: terminal, Markdown, page and gate."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bench import stats, verdict
from bench.errors import UnknownName, UsageError
from bench.metrics import METRICS
from bench.values import values_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from bench.record import Flag, RunRecord, Status
    from bench.stats import Interval

__all__ = ["Comparison", "Row", "compare", "relative"]

_STEP_METRICS = {"samples_per_second", "train_seconds", "steady_samples_per_second", "step_seconds_median"}
"""Metrics that a single seed can compare through its own step times."""


@dataclass(frozen=True, slots=True)
class Row:
    """One strategy, over all of its seeds."""

    strategy: str
    records: tuple[RunRecord, ...]
    """By seed; the newest where a seed was run twice."""
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
    def finished(self) -> tuple[RunRecord, ...]:
        """The runs that ended well."""
        return tuple(record for record in self.records if record.status == "ok")

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
    def changes(self) -> dict[str, str]:
        """How its plan differs from the baseline, by field."""
        return next((record.changes for record in self.records if record.changes), {})

    @property
    def beats_majority(self) -> bool | None:
        """Whether its interval lies above always answering the most frequent class; None is not measured."""
        if self.accuracy is None or self.majority_accuracy is None:
            return None
        return self.accuracy.side(self.majority_accuracy) == 1


@dataclass(frozen=True, slots=True)
class Comparison:
    """Every strategy against one reference, and what may be concluded."""

    rows: tuple[Row, ...]
    reference: str | None
    winners: tuple[str, ...]
    """The fastest without a detected loss of accuracy; several where no difference between them is detected."""
    headline: str
    sentences: tuple[str, ...]

    @property
    def records(self) -> tuple[RunRecord, ...]:
        """All runs, strategy by strategy."""
        return tuple(record for row in self.rows for record in row.records)

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics that at least one strategy has a value for, in the order of METRICS."""
        return tuple(name for name in METRICS if any(row.means[name] is not None for row in self.rows))


def compare(records: Iterable[RunRecord], reference: str | None = None) -> Comparison:
    """Set every strategy, in the order of the records, against the reference.

    The reference is the one given, else "full" if it has a finished run, else the first that has one.

    Raises:
        UsageError: the runs differ in more than strategy and seed, or the reference is not among them.

    """
    groups = _by_strategy(records)
    _check_equal([record for group in groups.values() for record in group])
    if reference is not None and reference not in groups:
        raise UnknownName("reference", reference, groups)
    done = [name for name, group in groups.items() if any(record.status == "ok" for record in group)]
    chosen = reference or ("full" if "full" in done else next(iter(done), None))
    bare = {name: _row(name, group, is_reference=name == chosen) for name, group in groups.items()}
    base = bare[chosen] if chosen is not None else None
    rows = tuple(_against(row, base) for row in bare.values())
    winners = verdict.winners(rows, lambda one, other: relative(one, other, "samples_per_second"))
    return Comparison(
        rows=rows,
        reference=chosen,
        winners=tuple(row.strategy for row in winners),
        headline=verdict.headline(rows, winners),
        sentences=verdict.sentences(rows),
    )


def relative(row: Row, base: Row, metric: str) -> Interval | None:
    """Set one metric of a row against another row's: paired by seed, or within the run where there is one seed.

    Within one run, the interval of a time is that of its steady steps, widened where necessary
    to hold the quotient of the two values that the table shows.
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
        interval = of_times.inverse() if METRICS[metric].better == "higher" else of_times
        return interval.around(ours[common[0]] / theirs[common[0]])
    return stats.ratio(ours, theirs)


def _paired_steps(row: Row, base: Row, seed: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The step times of both rows' runs of one seed, after the longer warm-up."""
    ours, theirs = (
        next(record.measured for record in one.finished if record.spec.seed == seed and record.measured)
        for one in (row, base)
    )
    first = max(ours.num_warmup_steps, theirs.num_warmup_steps)
    return ours.step_seconds[first:], theirs.step_seconds[first:]


def _accuracy_difference(row: Row, base: Row) -> Interval | None:
    """Compare row by row; None where the two were evaluated on different numbers of rows."""
    ours, theirs = (
        {record.spec.seed: record.measured.evaluation.correct for record in one.finished if record.measured}
        for one in (row, base)
    )
    paired = all(len(ours[seed]) == len(theirs[seed]) for seed in ours.keys() & theirs.keys())
    return stats.accuracy_difference(ours, theirs) if paired else None


def _against(row: Row, base: Row | None) -> Row:
    """The row with its comparison to the reference, which is not compared with itself."""
    if base is None or row is base:
        return row
    return replace(row, relative={metric: relative(row, base, metric) for metric in METRICS})


def _by_strategy(records: Iterable[RunRecord]) -> dict[str, tuple[RunRecord, ...]]:
    """Group the records, in the order in which strategies first appear; the newest of equal runs counts."""
    groups: dict[str, dict[int, RunRecord]] = {}
    for record in records:
        seeds = groups.setdefault(record.spec.name, {})
        present = seeds.get(record.spec.seed)
        if present is None or present.started_at <= record.started_at:
            seeds[record.spec.seed] = record
    return {name: tuple(seeds[seed] for seed in sorted(seeds)) for name, seeds in groups.items()}


def _check_equal(records: list[RunRecord]) -> None:
    """Refuse runs that differ in more than strategy and seed."""
    settings = [_settings(record) for record in records]
    for name in settings[0] if settings else ():
        if len(values := list(dict.fromkeys(str(setting[name]) for setting in settings))) > 1:
            msg = (
                f"these runs differ in {name} ({', '.join(values)}); only runs that are equal but for "
                "strategy and seed can be compared. Keep each set in a directory of its own."
            )
            raise UsageError(msg)


def _settings(record: RunRecord) -> dict[str, Any]:
    """Everything that must be equal; which of several GPUs it was does not matter."""
    spec = record.spec.model_dump(exclude={"strategy", "seed", "workload", "device"})
    return record.spec.workload.model_dump() | spec | {"device": record.spec.device.partition(":")[0]}


def _row(name: str, records: tuple[RunRecord, ...], *, is_reference: bool) -> Row:
    finished = [record for record in records if record.status == "ok"]
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
        samples=samples,
        means={metric: _mean(samples[metric].values(), known.get(metric)) for metric in METRICS},
        relative=dict.fromkeys(METRICS),
        # Seeds share their evaluation rows, so more seeds do not make the sample of rows any larger.
        accuracy=stats.wilson(sum(accuracies) / len(accuracies) * num_rows, num_rows) if evaluations else None,
        majority_accuracy=evaluations[0].majority_accuracy if evaluations else None,
        is_reference=is_reference,
    )


def _mean(values: Collection[float], otherwise: float | None) -> float | None:
    return sum(values) / len(values) if values else otherwise
