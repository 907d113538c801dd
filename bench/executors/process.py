"""A run's process from its parent's side: start it, read its messages, end it with all that it started."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import contextmanager, suppress
from types import ModuleType
from typing import TYPE_CHECKING, Any, Self

from bench.errors import BenchError
from bench.executors.child import start
from bench.executors.fork_server import server_pid, signal_of
from bench.measuring import host_memory

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from multiprocessing.context import ForkServerContext

__all__ = ["RunProcess"]

SERVER_IS_GONE = 255
"""The exit code that multiprocessing gives a process whose own it cannot learn, as the fork server is gone."""
KILL_SECONDS = 10.0
"""How long to wait for a killed process to end; one stuck in a driver may never do so."""


class RunProcess:
    """One process with a process group of its own. Leaving the context ends the group, whatever its state."""

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
        self._grace_seconds, self._kills = grace_seconds, host_memory.oom_kills()
        self._receiver, sender = context.Pipe(duplex=False)
        self._process = context.Process(target=start, args=(sender, entry, request_json, environ), name="bench-run")
        try:
            with _without_main():
                self._process.start()
        except (EOFError, OSError) as error:
            msg = f"no process could be started for the run: the fork server ended ({type(error).__name__}); see above"
            raise BenchError(msg) from error
        finally:
            sender.close()
        self._is_open, self._server_pid = True, server_pid()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
        self._receiver.close()

    silence_seconds = 0.0
    """How long it may be gone before it is known."""

    @property
    def is_running(self) -> bool:
        """Whether the process itself is alive."""
        return self._process.is_alive()

    @property
    def pid(self) -> int | None:
        """The process id."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative, the number of the signal that ended it."""
        return self._process.exitcode

    @property
    def server_signal(self) -> int | None:
        """The signal that ended the fork server before it could tell how this process ended; None where none did."""
        return signal_of(self._server_pid) if self.exit_code == SERVER_IS_GONE else None

    @property
    def peak_bytes(self) -> int | None:
        """Its peak resident size by the kernel; None once it is gone."""
        return host_memory.peak_bytes(self._process.pid)

    @property
    def oom_kills(self) -> int | None:
        """What the kernel has counted since the start of kills for want of memory; None where it does not."""
        now = host_memory.oom_kills()
        return None if self._kills is None or now is None else now - self._kills

    @property
    def awaited(self) -> list[Any]:
        """What is ready for `multiprocessing.connection.wait` once it sends a message or ends."""
        pipe = [self._receiver] if self._is_open else []  # at its end a pipe is always ready
        return [self._process.sentinel, *pipe]

    def messages(self) -> Iterator[bytes]:
        """Yield the messages that have arrived, in order."""
        while self._is_open and self._receiver.poll():
            try:
                yield self._receiver.recv_bytes()
            except (EOFError, OSError):  # it closed its end, perhaps in the middle of a message
                self._is_open = False

    def close(self) -> None:
        """Wait for it to end within the grace period, then end what is left of its group."""
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


@contextmanager
def _without_main() -> Iterator[None]:
    """Keep a new process from running the caller's script, or the module that it was started by, once more.

    `multiprocessing` would, to find functions that the script defines; a run needs none of them, and a script without
    `if __name__ == "__main__"` would begin its comparison anew in every run.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
