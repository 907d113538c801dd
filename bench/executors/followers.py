"""The processes that follow rank 0, from its side: each starts its rank's process of a run where it is, and tells how it fares."""

from __future__ import annotations

import json
import socket
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

from bench.errors import BenchError
from bench.executors.launch import HERE
from bench.protocol import Failed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bench.executors.launch import Launch
    from bench.executors.link import Link
    from bench.protocol import Request

__all__ = ["FarProcess", "Followers", "leading"]

END_SECONDS = 40.0
"""For a follower to end a process: longer than `RunProcess.close` takes at most."""

_POLL_SECONDS = 0.02


class FarProcess:
    """A run's process that a follower has started: to whoever watches, what `RunProcess` is. Leaving the context ends it."""

    def __init__(self, link: Link, host: str, request: Request) -> None:
        """Ask for the process."""
        self._link, self._host = link, host
        self._messages: list[bytes] = []
        self._ending: dict[str, int | None] | None = None
        self.peak_bytes: int | None = None
        """Its peak resident size by the kernel of its node."""
        self.awaited: list[object] = []
        """Nothing to wait for: it is asked from time to time."""
        link.send(f"run {request.model_dump_json()}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    @property
    def is_running(self) -> bool:
        """Whether it has not ended, as far as is known."""
        if self._ending is None:
            self._hear()
        return self._ending is None

    @property
    def exit_code(self) -> int | None:
        """As of `RunProcess`."""
        return self._ending["exit_code"] if self._ending else None

    @property
    def oom_kills(self) -> int | None:
        """What the kernel of its node counted meanwhile of kills for want of memory."""
        return self._ending["oom_kills"] if self._ending else None

    @property
    def server_signal(self) -> int | None:
        """As of `RunProcess`."""
        return self._ending["server_signal"] if self._ending else None

    @property
    def silence_seconds(self) -> float:
        """How long it may be gone before it is known."""
        from bench.executors.link import LOST_SECONDS  # noqa: PLC0415  (torch)

        return LOST_SECONDS

    def messages(self) -> Iterator[bytes]:
        """Yield the messages that have arrived, in order."""
        while self._messages:
            yield self._messages.pop(0)

    def close(self) -> None:
        """Wait for it to end, within the time that its follower gives it."""
        self._order("close")

    def end(self) -> None:
        """Have it ended with all that it started."""
        self._order("end")

    def _order(self, word: str) -> None:
        if not self.is_running:
            return
        self._link.send(word)
        until = time.monotonic() + END_SECONDS
        while self.is_running and time.monotonic() < until:
            time.sleep(_POLL_SECONDS)
        if self.is_running:
            self._link.cut()

    def _hear(self) -> None:
        is_alive = self._link.is_alive  # before its last line is read
        for line in self._link.heard():
            kind, _, text = line.partition(" ")
            if kind == "message":
                self._messages.append(text.encode())
            elif kind == "peak":
                self.peak_bytes = int(text)
            elif kind == "ended":
                self._ending = json.loads(text)
                return
        if not is_alive:
            reason = f"the process on {self._host} that bench was started in is gone, and its part of the run with it"
            self._messages.append(Failed(status="failed", reason=reason).model_dump_json().encode())
            self._ending = {"exit_code": None, "oom_kills": None, "server_signal": None}


class Followers:
    """All of them."""

    def __init__(self, launch: Launch, links: Sequence[Link]) -> None:
        """Take the links to each, from rank 1."""
        self._launch, self._links = launch, links
        self._hosts: list[str] = []
        self._num_runs = 0

    def start(self, request: Request) -> FarProcess:
        """Start the process of a rank.

        Raises:
            BenchError: its follower is gone.

        """
        link, host = self._links[request.rank - 1], self._hosts[request.rank - 1]
        if not link.is_alive:
            raise BenchError(
                f"rank {request.rank} of {self._launch.num} on {host} is gone: start all of them again with --resume --out to go on"
            )
        return FarProcess(link, host, request)

    @contextmanager
    def meeting(self) -> Iterator[str]:
        """Make a place for the processes of a run to meet; all followers are there.

        Raises:
            BenchError: one has not come.

        """
        while len(self._hosts) < len(self._links):
            link = self._links[len(self._hosts)]
            self._hosts += list(link.heard())  # its one line before it is asked for anything
            if not link.is_alive:
                raise BenchError(f"rank {len(self._hosts) + 1} of {self._launch.num} was not started, or has gone")
            time.sleep(_POLL_SECONDS)
        self._num_runs += 1
        is_one_node = set(self._hosts) == {socket.gethostname()}
        address = HERE if is_one_node else self._launch.address
        yield f"tcp://{address}:{self._launch.port}/bench/{self._launch.attempt}/run/{self._num_runs}"


@contextmanager
def leading(launch: Launch | None) -> Iterator[Followers | None]:
    """Lead the others, and let them end as this one does: with exit code 0 unless it raises. Yields None where it was started alone."""
    if launch is None:
        yield None
        return
    from bench.executors.link import Link, opened  # noqa: PLC0415  (torch)

    launch.take_device()
    with opened(launch) as (store, name):
        links = [Link(store, name, 0, rank) for rank in range(1, launch.num)]
        word = "bye 1"
        try:
            yield Followers(launch, links)
            word = "bye 0"
        finally:
            for link in links:
                link.send(word)
            for link in links:  # which are lost without the store, that this process may hold
                while link.is_alive and "gone" not in link.heard():
                    time.sleep(_POLL_SECONDS)
