"""A run that a node of a cluster carries out, from the side of whoever asked for it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from bench.errors import BenchError, UsageError
from bench.executors.outcome import Outcome
from bench.protocol import read_message
from bench.records.record import RunRecord

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.protocol import Message, Request
    from bench.records.record import Status

    OnEvent = Callable[[Request, Message], None]

__all__ = ["FarRun"]


class FarRun:
    """Makes a record of the lines that a node sends, or of what kept it from sending one."""

    def __init__(self, request: Request, on_event: OnEvent | None) -> None:
        """Pass what the run says on to `on_event`."""
        self.request = request
        self._outcome = Outcome(request.spec, partial(on_event, request) if on_event else None)

    def hear(self, line: str) -> RunRecord | None:
        """Take in a line; the last one is the record.

        Raises:
            UsageError: the request cannot be carried out as it stands.

        """
        kind, _, text = line.partition(" ")
        if kind == "refused":
            raise UsageError(text)
        if kind == "lost":
            raise BenchError(text)
        if kind == "record":
            return RunRecord.from_json(text)
        self._outcome.add(read_message(text))
        return None

    def lost(self, status: Status, reason: str, host: str | None = None) -> RunRecord:
        """Make the record of a run of which no line comes any more."""
        self._outcome.decide(status, reason)
        return self._outcome.record().model_copy(update={"host": host})

    def interrupted(self) -> RunRecord:
        """Make the record of a run that was ended at a Ctrl-C."""
        return self.lost("interrupted", f"interrupted in {self._outcome.last_phase}")
