"""What carries out runs, who watches them, and how a list of requests goes from the one to the other."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from bench.experiment.spec import RunSpec
    from bench.protocol import Message, Request
    from bench.records.record import RunRecord

    OnEvent = Callable[[Request, Message], None]

__all__ = ["Executor", "Observer", "observed", "only"]


class Executor(Protocol):
    """Carries out runs: in fresh processes of this machine, in this one, or on other machines."""

    interrupted: bool
    """Whether a Ctrl-C came during a run: then it begins no other."""

    def run(self, requests: list[Request], on_event: OnEvent | None = None, /) -> Generator[RunRecord]:
        """Carry out all requests, and yield a record of each as it ends, in any order, whatever becomes of it.

        Args:
            requests: Of runs of unlike specs. What begins is taken off the list, so whoever asks may change what is left
                of it between two records. It ends when nothing is left and nothing runs.
            on_event: Gets what each run says, with its request.

        Raises:
            UsageError: a request cannot be carried out as it stands.

        """
        ...


class Observer(Protocol):
    """Whoever shows what is going on."""

    def begin(self, request: Request) -> None:
        """A process begins."""
        ...

    def message(self, request: Request, message: Message) -> None:
        """Show what a process says."""
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


def only(executor: Executor, request: Request, on_message: Callable[[Message], None] | None = None) -> RunRecord:
    """Carry out one request.

    Raises:
        UsageError: it cannot be carried out as it stands.

    """
    (record,) = executor.run([request], (lambda _, message: on_message(message)) if on_message else None)
    return record


def observed(
    executor: Executor, requests: list[Request], observer: Observer, on_event: OnEvent = lambda *_: None
) -> Iterator[tuple[Request, RunRecord]]:
    """Carry out requests and show what becomes of each; a run begins with the first that is heard of it.

    Raises:
        UsageError: a request cannot be carried out as it stands.

    """
    asked: dict[RunSpec, Request] = {}
    begun: set[RunSpec] = set()

    def begin(request: Request) -> None:
        if request.spec not in begun:
            begun.add(request.spec)
            observer.begin(request)

    def listen(request: Request, message: Message) -> None:
        begin(request)
        on_event(request, message)
        observer.message(request, message)

    with closing(executor.run(requests, listen)) as records:
        while True:
            asked |= {request.spec: request for request in requests}
            if (record := next(records, None)) is None:
                return
            request = asked.pop(record.spec)
            begin(request)
            begun.remove(record.spec)
            observer.end(record)
            yield request, record
