"""A run in this very process, for a debugger: no timeout, no fresh memory, no survival of a crash."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from bench.protocol import read_message
from bench.runner.child import call
from bench.runner.lease import lease
from bench.runner.outcome import Outcome
from bench.runner.sampling import sampled

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.protocol import Message, Request
    from bench.record import RunRecord

__all__ = ["run_in_process"]


class _Sink:
    """Stands for the pipe."""

    def __init__(self, outcome: Outcome) -> None:
        self._outcome = outcome

    def send_bytes(self, data: bytes, /) -> None:
        self._outcome.add(read_message(data))


def run_in_process(
    request: Request,
    on_message: Callable[[Message], None] | None = None,
    *,
    entry: str = "bench.worker:main",
    on_wait: Callable[[str], None] = lambda _: None,
) -> RunRecord:
    """Carry out `request` here; the record is as `Runner.run` gives it.

    Raises:
        UsageError: the request cannot be carried out as it stands.

    """
    outcome = Outcome(request.spec, on_message)
    try:
        with lease(request, on_wait) as uuid, sampled(uuid) as sampler:
            if uuid:
                os.environ["CUDA_VISIBLE_DEVICES"] = uuid
            outcome.begin(sampler)
            call(_Sink(outcome), entry, request.model_copy(update={"gpu_uuid": uuid}).model_dump_json())
    except KeyboardInterrupt:
        outcome.decide("interrupted", f"interrupted in {outcome.last_phase}")
    outcome.decide("failed", "it returned without a last message")
    return outcome.record()
