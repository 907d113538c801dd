"""Runs in this process, for a debugger: without timeout or fresh memory, and a crash ends the comparison."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Self

from bench.executors.child import call
from bench.executors.devices import lease
from bench.executors.gpu_monitor import sampled
from bench.executors.outcome import Outcome
from bench.protocol import read_message

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.protocol import Message, Request
    from bench.records.record import RunRecord

__all__ = ["InProcessRunner"]


class _Sink:
    """Takes the place of the pipe."""

    def __init__(self, outcome: Outcome) -> None:
        self._outcome = outcome

    def send_bytes(self, data: bytes, /) -> None:
        self._outcome.add(read_message(data))


class InProcessRunner:
    """Carries out runs as `Runner` does, but here, so that a debugger stops inside them."""

    def __init__(self, *, entry: str = "bench.worker:main", on_wait: Callable[[str], None] = lambda _: None) -> None:
        """Keep `entry`, a `module:function`; `on_wait` gets one sentence where a run must wait for another bench."""
        self.interrupted = False
        """Whether a Ctrl-C came during a run: then start no other."""
        self._entry, self._on_wait = entry, on_wait

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing outlives a run."""

    def run(self, request: Request, on_message: Callable[[Message], None] | None = None, /) -> RunRecord:
        """Carry out `request` here and return its record, as `Runner.run` does.

        Raises:
            UsageError: the request cannot be carried out as it stands.

        """
        outcome = Outcome(request.spec, on_message, saves_model=request.save_model is not None)
        try:
            with lease(request, self._on_wait) as uuid, sampled(uuid) as sampler:
                if sampler:
                    os.environ["CUDA_VISIBLE_DEVICES"] = str(uuid)
                    sampler.watch(os.getpid())
                outcome.begin(sampler)
                call(_Sink(outcome), self._entry, request.model_copy(update={"gpu_uuid": uuid}).model_dump_json())
        except KeyboardInterrupt:
            self.interrupted = True
            outcome.decide("interrupted", f"interrupted in {outcome.last_phase}")
        outcome.decide("failed", "it returned without a last message")
        return outcome.record()
