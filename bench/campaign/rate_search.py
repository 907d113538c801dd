"""The search of a learning rate for each strategy: the same budget for all, chosen on rows that no measured run is evaluated on."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, cast

from bench.campaign.executing import observed
from bench.experiment.spec import LR, format_strategy, with_lr
from bench.experiment.tuning import TUNING_SEED
from bench.protocol import DataRead, Request
from bench.records.tuning import Tuning, TuningTrial

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bench.analysis.quality import Quality
    from bench.campaign.executing import Executor, Observer
    from bench.experiment.spec import RunSpec, Term
    from bench.experiment.tuning import RateSearch
    from bench.protocol import Message
    from bench.records.record import RunRecord
    from bench.records.store import Store
    from bench.records.tuning import TrialStatus

__all__ = ["Tuned", "Tuner"]


@dataclass(frozen=True, slots=True)
class Tuned:
    """The runs of a comparison at the rates that were found, and how these were."""

    specs: tuple[RunSpec, ...]
    tunings: Mapping[str, Tuning]
    """By the name of the strategy with its rate, as in the specs."""
    _names: Mapping[str, str]
    """Of the strategies with their rates, by those that were asked for."""

    @classmethod
    def of(cls, specs: Iterable[RunSpec], found: Mapping[tuple[Term, ...], Tuning]) -> Tuned:
        """Give each strategy the rate that was found for it; one that nothing was found for stays as it is."""
        rates = {strategy: tuning.lr for strategy, tuning in found.items() if tuning.lr is not None}
        chosen = {strategy: with_lr(strategy, rate) for strategy, rate in rates.items()}
        return cls(
            tuple(
                dict.fromkeys(
                    spec.model_copy(update={"strategy": chosen.get(spec.strategy, spec.strategy)}) for spec in specs
                )
            ),
            {format_strategy(chosen.get(strategy, strategy)): tuning for strategy, tuning in found.items()},
            {format_strategy(strategy): format_strategy(terms) for strategy, terms in chosen.items()},
        )

    def name_of(self, strategy: str) -> str:
        """The name, in the specs, of a strategy that was asked for by this one."""
        return self._names.get(strategy, strategy)


@dataclass(slots=True)
class Tuner:
    """Finds rates, trial by trial; a trial that is in the store is not run again."""

    search: RateSearch
    quality: Quality
    store: Store
    """Of the trials, apart from the runs that are measured."""
    executor: Executor
    observer: Observer
    _done: dict[RunSpec, RunRecord] = field(default_factory=dict)
    _num_train: int = 0

    def tune(self, specs: Iterable[RunSpec]) -> dict[tuple[Term, ...], Tuning]:
        """Search for the strategy of each spec, once, and return what came of it, until the user interrupts.

        Left out are those that cannot be trained, whose own run says why.

        Raises:
            UsageError: the request cannot be carried out as it stands.

        """
        self._done = {record.spec: record for record in self.store.read_all()}
        found: dict[tuple[Term, ...], Tuning] = {}
        for spec in {spec.strategy: spec for spec in specs}.values():
            trial = spec.model_copy(update={"seed": TUNING_SEED, "lr": None, "evaluations": 1})
            if not self._num_train and self._carry_out("prepare", trial).status != "ok":
                break  # whatever is wrong with model or data is told by the first run
            num_steps = spec.steps or spec.epochs * math.ceil(self._num_train / spec.batch_size)
            tuning = self._search(trial.model_copy(update={"steps": num_steps}), num_steps)
            if self.executor.interrupted:
                break
            if tuning:
                found[spec.strategy] = tuning
        return found

    def _search(self, whole: RunSpec, num_steps: int) -> Tuning | None:
        """Try the default rates for as long as a run, then the grid, round by round.

        None for what cannot be trained, or not at the first rate that is given: a strategy may set its own.
        """
        default = self._try(whole)
        if default.status not in ("ok", "diverged"):
            return None
        records = [default]
        rates: Sequence[float] = self.search.rates
        last = [default]
        for count, steps in self.search.rounds(num_steps):
            tried: dict[float, RunRecord] = {}
            for rate in sorted(rates[:count]):
                strategy = with_lr(whole.strategy, rate)
                record = self._try(whole.model_copy(update={"strategy": strategy, "steps": steps}))
                is_first = len(records) == 1 and not tried
                if self.executor.interrupted or (is_first and record.status in ("failed", "skipped")):
                    return None
                tried[rate] = record
            rates = sorted(tried, key=lambda rate: self._score(tried[rate]), reverse=True)
            last = list(tried.values())
            records += last
        best = max([default, *last], key=self._score)
        if best.measured is None:
            return None
        return Tuning(
            metric=self.quality.metric,
            num_rows=best.measured.evaluation.num_samples,
            trials=tuple(map(self._trial, records)),
            lr=_rate(best.spec),
        )

    def _try(self, spec: RunSpec) -> RunRecord:
        done = self._done.get(spec)
        if done is None or done.status not in ("ok", "diverged"):
            done = self._carry_out("run", spec)
            if not self.executor.interrupted:
                self.store.write(done)
                self._done[spec] = done
        return done

    def _carry_out(self, mode: Literal["prepare", "run"], spec: RunSpec) -> RunRecord:
        def listen(_: Request, message: Message) -> None:
            if isinstance(message, DataRead):
                # To a run, which holds none out.
                available = message.data.num_available_train + message.data.num_available_eval
                self._num_train = min(available, spec.workload.train_samples or available)

        request = Request(spec=spec, mode=mode, validation=True)
        ((_, record),) = observed(self.executor, [request], self.observer, listen)
        return record

    def _score(self, record: RunRecord) -> tuple[float, float]:
        """Order by the quality, then by the loss; what did not end ok comes last."""
        if record.measured is None:
            return -math.inf, -math.inf
        return self._quality(record), -record.measured.evaluation.loss

    def _quality(self, record: RunRecord) -> float:
        assert record.measured is not None, "asked of what ended ok"
        score: float = getattr(record.measured.evaluation, self.quality.metric)
        return score

    def _trial(self, record: RunRecord) -> TuningTrial:
        measured = record.measured
        return TuningTrial(
            lr=_rate(record.spec),
            num_steps=record.spec.steps or 0,
            status=cast("TrialStatus", record.status),
            quality=self._quality(record) if measured else None,
            loss=measured.evaluation.loss if measured else None,
            seconds=record.wall_seconds,
        )


def _rate(spec: RunSpec) -> float | None:
    """The base rate that a composition gives; None where it leaves it to the defaults."""
    text = dict(spec.strategy[0].options).get(LR)
    return None if text is None else float(text)
