"""Runs in this process, for a debugger: without timeout or fresh memory, and a crash ends the comparison."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Self

from bench.executors.child import call
from bench.executors.local import Runner
from bench.protocol import read_message

if TYPE_CHECKING:
    from collections.abc import Generator

    from bench.executors.gpu_monitor import DeviceSampler
    from bench.executors.outcome import Outcome
    from bench.executors.process import RunProcess
    from bench.protocol import Request

__all__ = ["InProcessRunner"]


class _Sink:
    """Takes the place of the pipe."""

    def __init__(self, outcome: Outcome) -> None:
        self._outcome = outcome

    def send_bytes(self, data: bytes, /) -> None:
        self._outcome.add(read_message(data))


class InProcessRunner(Runner):
    """Carries out runs as `Runner` does, but here, so that a debugger stops inside them."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing outlives a run."""

    def _supervise(self, request: Request, outcome: Outcome, sampler: DeviceSampler | None) -> Generator[RunProcess]:
        if sampler:
            os.environ["CUDA_VISIBLE_DEVICES"] = str(request.gpu_uuid)
            sampler.watch(os.getpid())
        outcome.begin(sampler)
        call(_Sink(outcome), self._entry, request.model_dump_json())
        outcome.decide("failed", "it returned without a last message")
        yield from ()  # there is no process to wait for
