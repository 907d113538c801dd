"""All runs of one comparison, in order: what cannot work fails first, and whatever ends gets its row."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

from bench.protocol import Request, Tried
from bench.records.shelf import shelf_in

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from bench.experiment.spec import RunSpec
    from bench.protocol import Message
    from bench.records.record import RunRecord
    from bench.records.store import Store
    from bench.records.tuning import Tuning

Mode = Literal["prepare", "trial", "dry", "run"]
"""A trial is a run that only helps to choose a learning rate."""

__all__ = ["Campaign", "Observer", "seconds_of"]

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
    _tried: dict[str, Tried] = field(default_factory=dict)

    def carry_out(self) -> None:
        """Run all that is not done, until the user interrupts.

        Raises:
            UsageError: the request cannot be carried out as it stands.

        """
        todo = self.store.todo(self.specs)
        if not todo or not self._works("prepare", todo):
            return
        with shelf_in(self.store.directory) as shelf:
            for name in dict.fromkeys(spec.name for spec in todo):
                same = [spec for spec in todo if spec.name == name]
                if not self.runner.interrupted and not self._works("dry", same, shelf):
                    todo = [spec for spec in todo if spec not in same]
            if not self.runner.interrupted:
                self.observer.estimate(sum(seconds_of(self._tried[spec.name]) for spec in todo), len(todo))
            for spec in todo:
                if self.runner.interrupted:
                    return
                self._write(self._carry_out("run", spec, shelf))

    def _works(self, mode: Literal["prepare", "dry"], specs: Sequence[RunSpec], shelf: str | None = None) -> bool:
        """Try what all of `specs` need; where it fails, it fails for all of them, and each gets its row."""
        record = self._carry_out(mode, specs[0], shelf)
        if record.status not in ("ok", "interrupted"):
            for spec in specs:
                self._write(record.model_copy(update={"spec": spec, "phase": f"{mode}: {record.phase}"}))
        return record.status == "ok"

    def _write(self, record: RunRecord) -> None:
        self.store.write(record.model_copy(update={"tuning": self.tunings.get(record.spec.name)}))

    def _carry_out(self, mode: Literal["prepare", "dry", "run"], spec: RunSpec, shelf: str | None = None) -> RunRecord:
        directory = self.model_directory(spec) if self.model_directory and mode == "run" else None
        save_model = None if directory is None else str(directory)
        request = Request(spec=spec, mode=mode, save_model=save_model, shelf=shelf)
        self.observer.begin(mode, spec)

        def listen(message: Message) -> None:
            if isinstance(message, Tried):
                self._tried[spec.name] = message
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
