"""The fork server of one side, from the gate's end."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from bench.executors.fork_server import SERVER_ENVIRONMENT
from bench.gate.judging.pairs import SideFailure
from bench.protocol import VERSION as PROTOCOL
from bench.records.record import SCHEMA_VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench.gate.sampling.sides import Checkout

__all__ = ["VERSIONS", "Server"]

_SCRIPT = Path(__file__).with_name("forker.py")
VERSIONS = {"forker": 1, "protocol": PROTOCOL, "schema": SCHEMA_VERSION}
"""Versions that both ends must have in common."""


class Server:
    """A started fork server; its process group ends with the context, or with this process."""

    def __init__(self, side: Checkout, environ: Mapping[str, str], *, timeout: float) -> None:
        """Start the interpreter of the side.

        Args:
            side: What it runs.
            environ: Added to the environment of every run.
            timeout: Seconds that importing the side may take.

        """
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603  (the user names the interpreter)
                [side.python, str(_SCRIPT), str(theirs.fileno()), *([str(side.root)] if side.root else [])],
                stdin=subprocess.PIPE,  # closed by the kernel when this process ends, however it ends
                env=SERVER_ENVIRONMENT | dict(os.environ) | dict(environ),
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        self._connection, self._deadline = Connection(ours.detach()), time.monotonic() + timeout
        self._greeting: dict[str, Any] = {}
        """The first message: whether the side can be run."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """End the group with its run; later orders fail."""
        if self._connection.closed:
            return
        self._connection.close()
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        assert self._process.stdin is not None
        self._process.stdin.close()

    def order(self, order: str, **more: Any) -> None:
        """Send an order.

        Raises:
            SideFailure: the side cannot carry out any, or its server is gone.

        """
        self._check_greeting()
        with suppress(OSError):  # the next message, or its absence, shows why
            self._connection.send_bytes(json.dumps({"order": order, **more}).encode())

    def receive(self, deadline: float, *, what: str = "it") -> dict[str, Any]:
        """Wait for a message about `what`, until a moment of `time.monotonic()`.

        Raises:
            SideFailure: none came, or the server is gone.

        """
        try:
            if not self._connection.poll(max(deadline - time.monotonic(), 0)):
                self.end()
                raise SideFailure(f"{what} took longer than the limit of a run (--timeout)", "crash")
            message: dict[str, Any] = json.loads(self._connection.recv_bytes())
        except (EOFError, OSError, ValueError) as error:
            self.end()
            raise SideFailure(f"its server ended, exit code {self._process.returncode}", "crash") from error
        return message

    def _check_greeting(self) -> None:
        """Raise what prevents the side from being run; at every order."""
        self._greeting = greeting = self._greeting or self.receive(self._deadline, what="importing it")
        if greeting["kind"] == "broken":
            raise SideFailure(f"it cannot be run: {greeting['reason']}", "other" if greeting["is_missing"] else "crash")
        for name, ours in VERSIONS.items():
            if greeting[name] != ours:
                raise SideFailure(
                    f"it speaks version {greeting[name]} of the {name}, and this bench speaks version {ours}"
                )
