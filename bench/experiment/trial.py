"""Code of third parties, tried in a process of its own before any run: whatever it does, this process only reads an answer.

A strategy of a third party may exit, loop, fork, crash or print at import or in `edit`, and nothing in its own process can
stop that. So who supervises runs never runs such code: it asks a child, one question at a time, and waits a limited time
for each answer. A child that gave none is killed with all that it started, and the next question has a new one; so
plug-ins that work share one start of an interpreter, and what comes with bench needs none. It is a fresh interpreter,
and no fork of this process, which may have threads.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
import traceback
from contextlib import suppress
from importlib import import_module
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any, Self

from bench.errors import BenchError, PlanConflict, UsageError, first_line

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Trial", "serve"]

LIMIT_SECONDS = 60.0
"""For one answer; a plug-in may import large libraries."""
START_SECONDS = 120.0
PERIOD_SECONDS = 0.1
_LONGEST = 500
"""Of an answer's sentence, in characters."""


class Trial:
    """Answers of a child that runs code of third parties. A context manager; the child starts with the first question."""

    def __init__(self, module: str, *, seconds: float | None = None) -> None:
        """Ask functions of `module`, and wait for each answer so many seconds, at most 60."""
        self._module, self._seconds = module, min(seconds or LIMIT_SECONDS, LIMIT_SECONDS)
        self._child: tuple[subprocess.Popen[bytes], Connection] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def ask(self, function: str, argument: str, about: str) -> Any:
        """Call a function of the module with `argument` in the child, and return what it returns, which must be JSON.

        Raises:
            PlanConflict, UsageError: what the function raises; UsageError, that names what the question is `about`, where
                the code of a third party gives no answer.
            BenchError: no child can be started.

        """
        process, connection = self._child or self._start()
        try:
            connection.send_bytes(json.dumps([function, argument]).encode())
            answer = json.loads(_receive(process, connection, self._seconds))
        except _NoAnswerError as error:
            self._end()
            raise UsageError(f"{about} cannot be used: {error}") from None
        match answer["kind"]:
            case "value":
                return answer["value"]
            case "conflict":
                raise PlanConflict(answer["said"])
            case "refused":
                raise UsageError(answer["said"])
            case _:
                raise UsageError(f"{about} cannot be used: {answer['said']}")

    def _start(self) -> tuple[subprocess.Popen[bytes], Connection]:
        ours, theirs = Pipe()
        search = {"PYTHONSAFEPATH": "1", "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))}
        code = f"from {__name__} import serve; serve({theirs.fileno()}, {self._module!r})"
        with theirs:
            process = subprocess.Popen(  # noqa: S603  (our own code; what it imports was asked for by the user)
                [sys.executable, "-c", code],
                stdin=subprocess.DEVNULL,
                env={**os.environ, **search},
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # a group of its own, to be ended as a whole; a Ctrl-C is not for it
            )
        self._child = process, ours
        try:
            _receive(process, ours, START_SECONDS)
        except _NoAnswerError as error:
            self._end()
            raise BenchError(f"no process could be started to try strategies in: {error}") from None
        return self._child

    def _end(self) -> None:
        if self._child is None:
            return
        (process, connection), self._child = self._child, None
        connection.close()
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


class _NoAnswerError(Exception):
    """Why there is none."""


def _receive(process: subprocess.Popen[bytes], connection: Connection, seconds: float) -> bytes:
    until = time.monotonic() + seconds
    while not connection.poll(PERIOD_SECONDS):
        if process.poll() is not None:  # what it left running may hold the pipe open
            break
        if time.monotonic() > until:
            raise _NoAnswerError(f"it gave no answer within {seconds:g} s")
    with suppress(EOFError, OSError):
        if connection.poll():
            return connection.recv_bytes()
    with suppress(subprocess.TimeoutExpired):
        process.wait(PERIOD_SECONDS)
    code = process.poll()
    if code is None:
        raise _NoAnswerError("it closed the files of its process")
    raise _NoAnswerError(
        f"its process {f'was ended by {signal.Signals(-code).name}' if code < 0 else f'ended with exit code {code}'}"
    )


def serve(descriptor: int, module: str) -> None:
    """Answer questions until the other end is closed: the child's code."""
    connection, functions, forks = Connection(descriptor), import_module(module), list[str]()
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (1, 2):  # what a strategy prints, were it megabytes, is no answer
        os.dup2(nowhere, stream)
    threading.Thread(target=_end_with_parent, args=(descriptor,), daemon=True).start()
    # A fork would be a second process that answers. The strategy is told of; the fork does nothing.
    os.register_at_fork(before=lambda: forks.append("a fork"), after_in_child=lambda: os._exit(0))
    connection.send_bytes(b"ready")
    while True:
        try:
            function, argument = json.loads(connection.recv_bytes())
        except EOFError:
            os._exit(0)  # without what a third party would do at exit
        answer = _answer(getattr(functions, function), argument)
        if forks:
            forks.clear()
            answer = {"kind": "broken", "said": "it forks the process; a strategy is a value, and starts none"}
        connection.send_bytes(json.dumps(answer).encode())


def _answer(function: Callable[[str], object], argument: str) -> dict[str, object]:
    try:
        return {"kind": "value", "value": function(argument)}
    except PlanConflict as error:
        return {"kind": "conflict", "said": str(error)[:_LONGEST]}
    except BenchError as error:
        return {"kind": "refused", "said": str(error)[:_LONGEST]}
    except BaseException as error:  # noqa: BLE001  (a plug-in may raise SystemExit or KeyboardInterrupt: here no Ctrl-C arrives)
        frame = traceback.extract_tb(error.__traceback__)[-1]
        said = f"it raised {type(error).__name__}: {first_line(error)} ({frame.filename}, line {frame.lineno})"
        return {"kind": "broken", "said": said[:_LONGEST]}


def _end_with_parent(descriptor: int) -> None:
    """End this process and what it started once the other end is closed, whatever a strategy is doing."""
    watched = select.poll()
    watched.register(descriptor, 0)  # only the hang-up
    watched.poll()
    os.killpg(0, signal.SIGKILL)
