"""All runs of one comparison, in order: what cannot work fails first, and whatever ends gets its row."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from bench.campaign.executing import observed
from bench.campaign.way import fastest_way, is_open, with_way
from bench.errors import BenchError
from bench.experiment.ways import WAYS
from bench.protocol import DataRead, Forecasted, Request, Tried
from bench.records.endings import ran_out_of_memory
from bench.records.micro_batch import rows_asked
from bench.records.shelf import shelf_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from bench.campaign.executing import Executor, Observer
    from bench.campaign.halving import Halving
    from bench.experiment.spec import RunSpec
    from bench.experiment.ways import Way
    from bench.protocol import Message
    from bench.records.record import RunRecord, Status
    from bench.records.store import Store
    from bench.records.tuning import Tuning

__all__ = ["Campaign", "seconds_of"]

_OVER: frozenset[Status] = frozenset({"ok", "diverged", "skipped"})
"""Endings after which to go on from a checkpoint would change nothing."""

EVALUATION_SHARE = 1 / 3
"""Of a training step per token: the forward pass alone."""


@dataclass(slots=True)
class Campaign:
    """The matrix of runs, the place for their records, and the way to carry one out."""

    specs: Sequence[RunSpec]
    store: Store
    executor: Executor
    observer: Observer
    model_directory: Callable[[RunSpec], Path] | None = None
    """Where a run keeps its trained weights; None keeps none."""
    tunings: Mapping[str, Tuning] = field(default_factory=dict)
    """How the learning rate of a strategy was found, by its name; it goes into its records."""
    halving: Halving | None = None
    """What becomes of a strategy that runs out of memory; None lets its row say so."""
    forecasts: bool = True
    """Whether each strategy is forecast before its first step; one that cannot fit is skipped."""
    force: bool = False
    """Run it all the same."""
    way_is_forced: bool = False
    """Whether a strategy whose model cannot be run in the way of the runs is skipped."""
    _tried: dict[str, Tried] = field(default_factory=dict)
    _forecasts: dict[str, Forecasted] = field(default_factory=dict)
    _untried: dict[str, Sequence[RunSpec]] = field(default_factory=dict)
    """The runs of a strategy that wait for its dry step."""
    _shelf: str | None = None
    _way_is_open: bool = False
    _way: Way | None = None  # by counts, where it is open

    def carry_out(self) -> None:
        """Run all that is not done, until the user interrupts.

        Raises:
            UsageError: the request cannot be carried out as it stands.

        """
        todo: Sequence[RunSpec] = self.store.todo(self.specs)
        self.store.checkpoints.forget(set(self.specs) - set(todo))
        self._way_is_open = is_open(todo, self.store.read_all())
        if todo and self._is_prepared(todo):
            todo = self._in_way(self._way, todo)
            with shelf_in(self.store.directory) as self._shelf:
                todo = self._tried_out(todo)
                if not self.executor.interrupted:
                    todo = self._in_way(fastest_way({spec.name: self._tried[spec.name].ways for spec in todo}), todo)
                    self.observer.estimate(sum(seconds_of(self._tried[spec.name]) for spec in todo), len(todo))
                    self._run(todo)
        if not self.executor.interrupted:  # and all have ended
            self.store.checkpoints.forget_otherwise([*self.specs, *(it.spec for it in self.store.read_all())])

    def _is_prepared(self, specs: Sequence[RunSpec]) -> bool:
        """Fetch and tokenise what all runs need; where that fails, it fails for all of them, and each gets its row."""
        ((_, record),) = observed(self.executor, [self._request("prepare", specs[0])], self.observer, self._note)
        self._write_failed(record, "prepare", specs)
        return record.status == "ok"

    def _in_way(self, way: Way | None, todo: Sequence[RunSpec]) -> Sequence[RunSpec]:
        """Let all runs take a way, once it is chosen."""
        if way is None or not self._way_is_open:
            return todo
        self._way_is_open = False
        self.specs = with_way(self.specs, way)
        with self._reported():
            self.store.ask_otherwise(lambda spec: spec if spec.way else spec.model_copy(update={"way": way}))
        return with_way(todo, way)

    def _tried_out(self, todo: Sequence[RunSpec]) -> Sequence[RunSpec]:
        """Take one step of each strategy, and return what is left to do; where it fails, each of its runs gets its row."""
        names = dict.fromkeys(spec.name for spec in todo)
        requests = [self._dry([spec for spec in todo if spec.name == name]) for name in names]
        good: dict[str, Sequence[RunSpec]] = {}
        for _, record in observed(self.executor, requests, self.observer, self._note):
            good[record.spec.name] = self._after_dry(record, requests)
        ready = {spec for specs in good.values() for spec in specs}
        return [spec for spec in (self.halving.sized(todo) if self.halving else todo) if spec in ready]

    def _run(self, todo: Sequence[RunSpec]) -> None:
        """Carry out the runs, and of a strategy that is halved meanwhile the dry step first."""
        requests = [self._request("run", spec) for spec in todo]
        for request, record in observed(self.executor, requests, self.observer, self._note):
            if request.mode == "dry":
                requests += [self._request("run", spec) for spec in self._after_dry(record, requests)]
                requests.sort(key=self._turn)
            elif self.halving and self.halving.is_outgrown(record):
                self.store.checkpoints.forget([record.spec])  # it ran when its strategy was halved, and runs again
            elif self._is_halved(record):
                self.store.checkpoints.forget([record.spec])
                again = self._again(record.spec.name, requests)
                requests[:] = [it for it in requests if it.spec.name != record.spec.name]
                requests.insert(0, self._dry(again))
            else:
                self._write(record)
                if record.status in _OVER:
                    self.store.checkpoints.forget([record.spec])

    def _dry(self, specs: Sequence[RunSpec]) -> Request:
        """Ask for one step of a strategy, for which its runs wait."""
        self._untried[specs[0].name] = specs
        return self._request("dry", specs[0])

    def _after_dry(self, record: RunRecord, requests: list[Request]) -> Sequence[RunSpec]:
        """Return the runs that waited for a dry step; none where it failed, or is asked for again at half the micro-batch."""
        name = record.spec.name
        specs = self._untried.pop(name)
        told = self._forecasts.get(name)
        unfit = told is not None and told.does_not_fit is not None and record.status == "skipped"
        if self.halving and self._is_halved(record.model_copy(update={"phase": f"dry: {record.phase}"}), unfit=unfit):
            requests.insert(0, self._dry(self.halving.sized(specs)))
            return ()
        self._write_failed(record, "dry", specs)
        return specs if record.status == "ok" else ()

    def _is_halved(self, record: RunRecord, *, unfit: bool = False) -> bool:
        """Whether the strategy of a run goes on at half its micro-batch, as it ran out of memory, or would by its forecast."""
        if self.halving is None:
            return False
        name, rows = record.spec.name, rows_asked(record.spec)
        is_halved = self.halving.halve(record, does_not_fit=unfit)
        if is_halved:
            self.observer.say(
                f"{name} takes micro-batches of {rows // 2} from now on, for all seeds: {rows} "
                f"{'do not fit, by the forecast' if unfit else 'ran out of memory'}"
            )
        elif (unfit or ran_out_of_memory(record)) and self.halving.says_itself(record.spec):
            self.observer.say(f"{name} says its micro-batch itself, which is not halved")
        return is_halved

    def _again(self, name: str, requests: Sequence[Request]) -> Sequence[RunSpec]:
        """Return all runs of a strategy at the micro-batch of now: what is left of them, and what has begun or ended at another."""
        assert self.halving, "it has been halved"
        left = self.halving.sized(request.spec for request in requests if request.spec.name == name)
        again = [spec for spec in self.halving.sized(self.specs) if spec.name == name and spec not in left]
        self.observer.more(len(again))
        return (*left, *again)

    def _turn(self, request: Request) -> tuple[bool, int]:
        """Order requests: dry steps first, and runs as they were asked for, so that drift hits all strategies alike."""
        same = ((spec.name, spec.seed) == (request.spec.name, request.spec.seed) for spec in self.specs)
        return request.mode == "run", [*same].index(True)

    def _write_failed(self, record: RunRecord, mode: Literal["prepare", "dry"], specs: Sequence[RunSpec]) -> None:
        if record.status not in ("ok", "interrupted"):
            for spec in specs:
                self._write(record.model_copy(update={"spec": spec, "phase": f"{mode}: {record.phase}"}))

    def _write(self, record: RunRecord) -> None:
        name = record.spec.name
        told = self._forecasts.get(name, Forecasted())
        known = {
            "tuning": self.tunings.get(name),
            "ways": (tried.ways or None) if (tried := self._tried.get(name)) else None,
            "forecast": told.forecast,
            "why_no_forecast": told.why_none,
            "flags": (*record.flags, *(self.halving.flags(record.spec) if self.halving else ())),
        }
        with self._reported():
            self.store.write(record.model_copy(update=known))

    @contextmanager
    def _reported(self) -> Iterator[None]:
        """Go on where the store cannot be written: a full disk costs this row, and those to come may find room."""
        try:
            yield
        except BenchError as error:
            self.observer.say(str(error))

    def _request(self, mode: Literal["prepare", "dry", "run"], spec: RunSpec) -> Request:
        directory = self.model_directory(spec) if self.model_directory and mode == "run" else None
        return Request(
            spec=spec,
            mode=mode,
            save_model=None if directory is None else str(directory),
            shelf=self._shelf,
            forecast=self.forecasts and mode == "dry",
            force=self.force,
            way_is_forced=self.way_is_forced,
            ways=WAYS if mode == "dry" and self._way_is_open and spec.device != "cpu" else (),
            checkpoint=str(self.store.checkpoints.of(spec)) if mode == "run" else None,
        )

    def _note(self, request: Request, message: Message) -> None:
        if isinstance(message, DataRead):
            self._way = message.way
        if isinstance(message, Tried):
            self._tried[request.spec.name] = message
        if isinstance(message, Forecasted):
            self._forecasts[request.spec.name] = message


def seconds_of(tried: Tried) -> float:
    """Estimate a whole run from one step, by its tokens; compiling is not in it."""
    step = tried.step_seconds / tried.step_tokens
    if tried.cache_seconds is None:
        return step * (tried.train_tokens + EVALUATION_SHARE * tried.eval_tokens)
    forward = tried.cache_seconds / tried.step_tokens
    return step * tried.train_tokens + forward * (tried.cache_tokens + tried.eval_tokens)
