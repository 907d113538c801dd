"""All runs of one comparison, in order: what cannot work fails first, and whatever ends gets its row."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

from bench.errors import BenchError
from bench.protocol import Forecasted, Request, Tried
from bench.records.endings import ran_out_of_memory
from bench.records.micro_batch import rows_asked
from bench.records.shelf import shelf_in

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from bench.campaign.halving import Halving
    from bench.experiment.spec import RunSpec
    from bench.protocol import Message
    from bench.records.record import RunRecord, Status
    from bench.records.store import Store
    from bench.records.tuning import Tuning

Mode = Literal["prepare", "fit", "trial", "dry", "run"]
"""A trial is a run that only helps to choose a learning rate; to fit is to forecast the largest micro-batch."""

__all__ = ["Campaign", "Observer", "seconds_of"]

_OVER: frozenset[Status] = frozenset({"ok", "diverged", "skipped"})
"""Endings after which to go on from a checkpoint would change nothing."""

EVALUATION_SHARE = 1 / 3
"""Of a training step per token: the forward pass alone."""


class RunsOne(Protocol):
    """A runner: of fresh processes, or in this one."""

    interrupted: bool

    def run(self, request: Request, on_message: Callable[[Message], None] | None = None, /) -> RunRecord:
        """Carry out one request, whatever becomes of it."""
        ...


class Observer(Protocol):
    """Whoever shows what is going on."""

    def begin(self, mode: Mode, spec: RunSpec) -> None:
        """A process begins."""
        ...

    def message(self, message: Message) -> None:
        """Show what the present process says."""
        ...

    def end(self, record: RunRecord) -> None:
        """It ended."""
        ...

    def estimate(self, seconds: float, num_runs: int) -> None:
        """Show how long the runs that are left will take."""
        ...

    def more(self, num_runs: int) -> None:
        """There are more runs than were known."""
        ...

    def say(self, text: str) -> None:
        """Show one line."""
        ...


@dataclass(slots=True)
class Campaign:
    """The matrix of runs, the place for their records, and the way to carry one out."""

    specs: Sequence[RunSpec]
    store: Store
    runner: RunsOne
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
    _tried: dict[str, Tried] = field(default_factory=dict)
    _forecasts: dict[str, Forecasted] = field(default_factory=dict)

    def carry_out(self) -> None:
        """Run all that is not done, until the user interrupts.

        Raises:
            UsageError: the request cannot be carried out as it stands.

        """
        todo: Sequence[RunSpec] = self.store.todo(self.specs)
        self.store.checkpoints.forget(set(self.specs) - set(todo))
        if not todo or not self._is_prepared(todo):
            return
        with shelf_in(self.store.directory) as shelf:
            for name in dict.fromkeys(spec.name for spec in todo):
                todo = self._tried_out(name, todo, shelf)
            if not self.runner.interrupted:
                self.observer.estimate(sum(seconds_of(self._tried[spec.name]) for spec in todo), len(todo))
            while todo and not self.runner.interrupted:
                spec, *todo = todo
                record = self._carry_out("run", spec, shelf)
                if self._is_halved(record):
                    self.store.checkpoints.forget([spec])
                    todo = self._tried_out(spec.name, self._again(spec.name, todo), shelf)
                else:
                    self._write(record)
                    if record.status in _OVER:
                        self.store.checkpoints.forget([spec])

    def _is_prepared(self, specs: Sequence[RunSpec]) -> bool:
        """Fetch and tokenise what all runs need; where that fails, it fails for all of them, and each gets its row."""
        record = self._carry_out("prepare", specs[0])
        self._write_failed(record, "prepare", specs)
        return record.status == "ok"

    def _tried_out(self, name: str, todo: Sequence[RunSpec], shelf: str) -> Sequence[RunSpec]:
        """Take one step of a strategy, and return what is left to do; where it fails, each of its runs gets its row."""
        if self.runner.interrupted:
            return todo
        same = [spec for spec in todo if spec.name == name]
        record = self._carry_out("dry", same[0], shelf)
        told = self._forecasts.get(name)
        unfit = told is not None and told.does_not_fit is not None and record.status == "skipped"
        if self.halving and self._is_halved(record.model_copy(update={"phase": f"dry: {record.phase}"}), unfit=unfit):
            return self._tried_out(name, self.halving.sized(todo), shelf)
        self._write_failed(record, "dry", same)
        return todo if record.status == "ok" else [spec for spec in todo if spec not in same]

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

    def _again(self, name: str, todo: Sequence[RunSpec]) -> Sequence[RunSpec]:
        """Add what is done of a strategy, but at another micro-batch than that of now, behind what is left."""
        assert self.halving, "it has been halved"
        left = self.halving.sized(todo)
        again = [spec for spec in self.halving.sized(self.specs) if spec.name == name and spec not in left]
        self.observer.more(len(again))
        return (*left, *again)

    def _write_failed(self, record: RunRecord, mode: Literal["prepare", "dry"], specs: Sequence[RunSpec]) -> None:
        if record.status not in ("ok", "interrupted"):
            for spec in specs:
                self._write(record.model_copy(update={"spec": spec, "phase": f"{mode}: {record.phase}"}))

    def _write(self, record: RunRecord) -> None:
        name = record.spec.name
        told = self._forecasts.get(name, Forecasted())
        known = {
            "tuning": self.tunings.get(name),
            "forecast": told.forecast,
            "why_no_forecast": told.why_none,
            "flags": (*record.flags, *(self.halving.flags(record.spec) if self.halving else ())),
        }
        try:
            self.store.write(record.model_copy(update=known))
        except BenchError as error:  # a full disk costs this row: those to come may find room
            self.observer.say(str(error))

    def _carry_out(self, mode: Literal["prepare", "dry", "run"], spec: RunSpec, shelf: str | None = None) -> RunRecord:
        directory = self.model_directory(spec) if self.model_directory and mode == "run" else None
        save_model = None if directory is None else str(directory)
        request = Request(
            spec=spec,
            mode=mode,
            save_model=save_model,
            shelf=shelf,
            forecast=self.forecasts and mode == "dry",
            force=self.force,
            checkpoint=str(self.store.checkpoints.of(spec)) if mode == "run" else None,
        )
        self.observer.begin(mode, spec)

        def listen(message: Message) -> None:
            if isinstance(message, Tried):
                self._tried[spec.name] = message
            if isinstance(message, Forecasted):
                self._forecasts[spec.name] = message
            self.observer.message(message)

        record = self.runner.run(request, listen)
        self.observer.end(record)
        return record


def seconds_of(tried: Tried) -> float:
    """Estimate a whole run from one step, by its tokens; compiling is not in it."""
    step = tried.step_seconds / tried.step_tokens
    if tried.cache_seconds is None:
        return step * (tried.train_tokens + EVALUATION_SHARE * tried.eval_tokens)
    forward = tried.cache_seconds / tried.step_tokens
    return step * tried.train_tokens + forward * (tried.cache_tokens + tried.eval_tokens)
