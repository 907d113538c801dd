"""What tests of campaigns put in the place of an executor."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from bench.protocol import Message, Request
    from bench.records.record import RunRecord


class OneByOne:
    """Carries out one request after the other, each as `carry_out` does."""

    interrupted = False

    def carry_out(self, request: Request, on_message: Callable[[Message], None]) -> RunRecord:
        raise NotImplementedError

    def run(
        self, requests: list[Request], on_event: Callable[[Request, Message], None] | None = None, /
    ) -> Generator[RunRecord]:
        while requests and not self.interrupted:
            request = requests.pop(0)
            yield self.carry_out(request, lambda message: on_event and on_event(request, message))  # noqa: B023
