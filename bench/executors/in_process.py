"""Runs in this process, for a debugger: without timeout or fresh memory, and a crash ends the comparison."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Self

from bench.errors import UsageError
from bench.executors.child import call
from bench.executors.local import Runner
from bench.protocol import read_message

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from bench.executors.outcome import Outcome
    from bench.executors.ranks import Ranks
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

    def _supervise(self, requests: Sequence[Request], outcomes: Sequence[Outcome]) -> Generator[Ranks]:
        if len(requests) > 1:
            raise UsageError("--in-process runs in one process: leave --nproc out")
        (request,), (outcome,) = requests, outcomes
        if request.gpu_uuid:
            os.environ["CUDA_VISIBLE_DEVICES"] = request.gpu_uuid
        outcome.watch(os.getpid())
        call(_Sink(outcome), self._entry, request.model_dump_json())
        outcome.decide("failed", "it returned without a last message")
        yield from ()  # there is no process to wait for
