"""A run's process as its parent sees it: started, heard, and ended with all that it started."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from multiprocessing import connection
from typing import TYPE_CHECKING, Self

from bench.errors import BenchError
from bench.executors.child import start
from bench.measuring import host_memory

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from multiprocessing.context import ForkServerContext

__all__ = ["RunProcess"]

KILL_SECONDS = 10.0
"""How long to wait for the kernel to end what was killed; a process stuck in a driver may take for ever."""


class RunProcess:
    """One process of its own group. Leaving the context ends the group, whatever state it is in."""

    def __init__(
        self,
        context: ForkServerContext,
        entry: str,
        request_json: str,
        environ: Mapping[str, str],
        *,
        grace_seconds: float,
    ) -> None:
        """Start the process.

        Raises:
            BenchError: the fork server ended, so that no run can start.

        """
        self._grace_seconds = grace_seconds
        self._receiver, sender = context.Pipe(duplex=False)
        self._process = context.Process(target=start, args=(sender, entry, request_json, environ), name="bench-run")
        try:
            self._process.start()
        except (EOFError, OSError) as error:
            msg = f"no process could be started for the run: the fork server ended ({type(error).__name__}); see above"
            raise BenchError(msg) from error
        finally:
            sender.close()
        self._is_open = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
        self._receiver.close()

    @property
    def is_running(self) -> bool:
        """Whether the process itself still lives."""
        return self._process.is_alive()

    @property
    def pid(self) -> int | None:
        """The number of the process."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative, the number of the signal that ended it."""
        return self._process.exitcode

    @property
    def peak_bytes(self) -> int | None:
        """The kernel's high-water mark of its resident memory, None once it is gone."""
        return host_memory.peak_bytes(self._process.pid)

    def wait(self, seconds: float) -> None:
        """Sleep until it sends something or ends, but not longer than `seconds`."""
        pipe = [self._receiver] if self._is_open else []  # at its end a pipe is always ready
        connection.wait([self._process.sentinel, *pipe], max(seconds, 0))

    def messages(self) -> Iterator[bytes]:
        """Give what arrived by now, in order."""
        while self._is_open and self._receiver.poll():
            try:
                yield self._receiver.recv_bytes()
            except (EOFError, OSError):  # it closed its end, perhaps in the middle of a message
                self._is_open = False

    def close(self) -> None:
        """Let it come to its own end within the grace period, then end what is left of its group."""
        self._process.join(self._grace_seconds)
        self.end()

    def end(self) -> None:
        """Ask the group to end, and kill what is left of it after the grace period, or at a second Ctrl-C."""
        if self.is_running:
            self._signal(signal.SIGTERM)
            with suppress(KeyboardInterrupt):
                self._process.join(self._grace_seconds)
        self._signal(signal.SIGKILL)
        self._process.join(KILL_SECONDS)

    def _signal(self, number: signal.Signals) -> None:
        pid = self._process.pid
        assert pid is not None
        try:
            os.killpg(pid, number)
        except ProcessLookupError:  # all gone, or killed before it was a group of its own
            if self.is_running:
                os.kill(pid, number)
