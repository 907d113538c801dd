"""Runs by itself in the interpreter of a side: imports the side's own bench once, forks a fresh process per run.

    python forker.py FD [CHECKOUT]

It is a file of the bench that judges, and all that it knows of a side is `bench.worker.main` and the
JSON of its messages; it imports nothing else of either bench. Orders and answers are JSON, over the
socket FD:

    {"order": "run", "request": {...}, "turns": [10, 1, 1], "waits": true, "cores": null}
    {"order": "go"}                         to the run that waits: train on
    {"order": "import", "names": [...]}     so that no run has to

A run trains 10 steps, says in {"kind": "turn"} how long they took, waits so that the other side can
take its turn, and so on; its last turn is as long as it takes. It sends the side's own messages,
without its progress, and the end of its process is {"kind": "exit"}.
"""

from __future__ import annotations

import compileall
import faulthandler
import json
import os
import signal
import sys
import threading
import time
import traceback
from contextlib import suppress
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["VERSION", "Turns", "serve"]

VERSION = 1
"""Of the orders and answers above."""


class Turns:
    """The end of a pipe that a run writes to: it holds the run back where its turn is over, and times its turns."""

    def __init__(self, connection: Connection, lengths: list[int], *, waits: bool) -> None:
        """Prepare for turns of so many steps, the first of which has begun."""
        self._connection, self._waits = connection, waits
        self._lengths = iter(lengths)
        self._length, self._done, self._began = next(self._lengths), 0, time.perf_counter()

    def send_bytes(self, data: bytes, /) -> None:
        """Pass a message on, or count the step that it tells of."""
        message = json.loads(data)
        if message["kind"] != "progress":
            self._connection.send_bytes(data)
        elif message["unit"] == "steps":
            self._done += 1
            is_last = message["done"] == message["total"]
            if is_last or self._done == self._length:
                self._end_turn(is_last=is_last)

    def _end_turn(self, *, is_last: bool) -> None:
        """Tell how long the turn took, and wait for the next, unless training is over: evaluation follows at once."""
        _settle()
        seconds = time.perf_counter() - self._began
        _send(self._connection, kind="turn", steps=self._done, seconds=seconds, is_last=is_last)
        if not is_last and self._waits:
            self._connection.recv_bytes()
        self._length, self._done = next(self._lengths, sys.maxsize), 0
        self._began = time.perf_counter()


def serve(connection: Connection, checkout: Path | None) -> None:
    """Say what the side is, then carry out orders until the other end is closed."""
    try:
        main = _import_side(checkout)
        version, schema = getattr(import_module("bench.protocol"), "VERSION", 1), _schema()
    except Exception as error:  # noqa: BLE001  (whatever the side raises is an answer)
        is_missing = isinstance(error, ModuleNotFoundError)
        _send(connection, kind="broken", is_missing=is_missing, reason=_line(error), traceback=traceback.format_exc())
        return
    _send(connection, kind="ready", forker=VERSION, protocol=version, schema=schema)
    while True:
        try:
            order = json.loads(connection.recv_bytes())
        except EOFError:
            return
        if order["order"] == "import":
            _import(order["names"])
            continue
        pid = os.fork()
        if not pid:
            _carry_out(connection, main, order)
        _, status = os.waitpid(pid, 0)
        _send(connection, kind="exit", code=os.waitstatus_to_exitcode(status))


def _import_side(checkout: Path | None) -> Callable[[Any, str], None]:
    """Import the side's entry of a run; `checkout` is first where Python looks, None is what it has installed."""
    sys.path[:1] = [] if checkout is None else [str(checkout)]
    if checkout is not None:
        _compile(checkout)
    worker = import_module("bench.worker")
    found = Path(str(worker.__file__)).resolve()
    if checkout is not None and not found.is_relative_to(checkout.resolve()):
        msg = f"bench is imported from {found}, which is not of {checkout}"
        raise ModuleNotFoundError(msg)
    main: Callable[[Any, str], None] = worker.main
    return main


def _compile(checkout: Path) -> None:
    """Compile the side elsewhere, since what compiling leaves in memory would count as the side's."""
    pid = os.fork()
    if not pid:
        for package in ("bench", "strategies"):
            compileall.compile_dir(checkout / package, quiet=2)
        os._exit(0)
    os.waitpid(pid, 0)


def _schema() -> int:
    schema: int = import_module("bench.record").SCHEMA_VERSION
    return schema


def _import(names: list[str]) -> None:
    """Import what the last run has imported; what cannot be imported first is left to each run."""
    for name in names:
        with suppress(Exception):
            import_module(name)


def _carry_out(connection: Connection, main: Callable[[Any, str], None], order: dict[str, Any]) -> None:
    """Be a run, and end."""
    code, known = 1, set(sys.modules)
    try:
        if order["cores"]:
            os.sched_setaffinity(0, order["cores"])
        threading.Thread(target=_die_with_parent, name="die-with-parent", daemon=True).start()
        turns = Turns(connection, order["turns"], waits=order["waits"])
        main(turns, json.dumps(order["request"]))
        _send(connection, kind="imported", names=[name for name in sys.modules if name not in known])
        code = 0
    except BaseException as error:  # noqa: BLE001  (a run answers its own errors: what escapes it, it did not expect)
        _send(connection, kind="escaped", reason=_line(error), traceback=traceback.format_exc())
    finally:
        for stream in (sys.stdout, sys.stderr):
            with suppress(Exception):
                stream.flush()
        os._exit(code)


def _die_with_parent() -> None:
    """Wait until whoever started the server is gone, which closes its standard input, then end server and run."""
    os.read(0, 1)
    os.killpg(0, signal.SIGKILL)


def _settle() -> None:
    """Let a GPU come to the end of its work, so that none of it falls into the other's turn."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.synchronize()


def _send(connection: Connection, **message: Any) -> None:
    connection.send_bytes(json.dumps(message).encode())


def _line(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C is for whoever started us
    os.dup2(2, 1)  # stdout is for data
    faulthandler.enable()
    serve(Connection(int(sys.argv[1])), Path(sys.argv[2]) if sys.argv[2:] else None)
