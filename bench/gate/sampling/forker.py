"""Runs by itself in the interpreter of a side: imports the side's own bench once, forks a fresh process per run.

    python forker.py FD [CHECKOUT]

It belongs to the bench that judges. All that it knows of a side is `bench.worker.main` and the JSON of
its messages; it imports nothing else of either bench. Orders and replies are JSON, over the socket FD:

    {"order": "run", "request": {...}, "turns": [10, 1, 1], "waits": true, "cores": null}
    {"order": "go"}                         to the waiting run: continue
    {"order": "import", "names": [...]}     before the runs, so that they need not

A run trains 10 steps, reports in {"kind": "turn"} how long they took, waits so that the other side can
take its turn, and so on; its last turn has all remaining steps. It sends the side's own messages,
without progress, and finally {"kind": "exit"}.
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

__all__ = ["VERSION", "TurnPipe", "serve"]

VERSION = 1
"""The version of the orders and replies above."""


class TurnPipe:
    """The end of a pipe that a run writes to; times the run's turns, and blocks it at the end of each."""

    def __init__(self, connection: Connection, lengths: list[int], *, waits: bool) -> None:
        """Begin the first turn; `lengths` has the steps of each."""
        self._connection, self._waits = connection, waits
        self._lengths = iter(lengths)
        self._length, self._done, self._began = next(self._lengths), 0, time.perf_counter()

    def send_bytes(self, data: bytes, /) -> None:
        """Pass a message on, or count the step that it reports."""
        message = json.loads(data)
        if message["kind"] != "progress":
            self._connection.send_bytes(data)
        elif message["unit"] == "steps":
            self._done += 1
            is_last = message["done"] == message["total"]
            if is_last or self._done == self._length:
                self._end_turn(is_last=is_last)

    def _end_turn(self, *, is_last: bool) -> None:
        """Report how long the turn took, and wait for the next, unless training is over: evaluation follows at once."""
        _synchronize()
        seconds = time.perf_counter() - self._began
        _send(self._connection, kind="turn", steps=self._done, seconds=seconds, is_last=is_last)
        if not is_last and self._waits:
            self._connection.recv_bytes()
        self._length, self._done = next(self._lengths, sys.maxsize), 0
        self._began = time.perf_counter()


def serve(connection: Connection, checkout: Path | None) -> None:
    """Report the versions of the side, then carry out orders until the other end is closed."""
    try:
        main = _import_side(checkout)
        version, schema = (
            getattr(import_module("bench.protocol"), "VERSION", 1),
            import_module("bench.record").SCHEMA_VERSION,
        )
    except Exception as error:  # noqa: BLE001  (whatever the side raises is reported)
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
    """Import the side's entry point of runs; `checkout` comes first on Python's path, None is the installed bench."""
    sys.path[:1] = [] if checkout is None else [str(checkout)]
    if checkout is not None:
        _compile(checkout)
    worker = import_module("bench.worker")
    found = Path(str(worker.__file__)).resolve()
    if checkout is not None and not found.is_relative_to(checkout.resolve()):
        raise ModuleNotFoundError(f"bench is imported from {found}, which is not of {checkout}")
    main: Callable[[Any, str], None] = worker.main
    return main


def _compile(checkout: Path) -> None:
    """Compile the side in another process, since memory left by compiling would count as the side's."""
    pid = os.fork()
    if not pid:
        for package in ("bench", "strategies"):
            compileall.compile_dir(checkout / package, quiet=2)
        os._exit(0)
    os.waitpid(pid, 0)


def _import(names: list[str]) -> None:
    """Import what the last run has imported; what fails is left to each run."""
    for name in names:
        with suppress(Exception):
            import_module(name)


def _carry_out(connection: Connection, main: Callable[[Any, str], None], order: dict[str, Any]) -> None:
    """Carry out a run in this process, and exit."""
    code, known = 1, set(sys.modules)
    try:
        if order["cores"]:
            os.sched_setaffinity(0, order["cores"])
        threading.Thread(target=_die_with_parent, name="die-with-parent", daemon=True).start()
        turns = TurnPipe(connection, order["turns"], waits=order["waits"])
        main(turns, json.dumps(order["request"]))
        _send(connection, kind="imported", names=[name for name in sys.modules if name not in known])
        code = 0
    except BaseException as error:  # noqa: BLE001  (a run reports its own errors; this one escaped it)
        _send(connection, kind="escaped", reason=_line(error), traceback=traceback.format_exc())
    finally:
        for stream in (sys.stdout, sys.stderr):
            with suppress(Exception):
                stream.flush()
        os._exit(code)


def _die_with_parent() -> None:
    """Wait until the process that started the server is gone, which closes stdin, then end server and run."""
    os.read(0, 1)
    os.killpg(0, signal.SIGKILL)


def _synchronize() -> None:
    """Wait until a GPU is idle, so that its work does not fall into the other side's turn."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.synchronize()


def _send(connection: Connection, **message: Any) -> None:
    connection.send_bytes(json.dumps(message).encode())


def _line(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles a Ctrl-C
    os.dup2(2, 1)  # stdout is for data
    faulthandler.enable()
    serve(Connection(int(sys.argv[1])), Path(sys.argv[2]) if sys.argv[2:] else None)
