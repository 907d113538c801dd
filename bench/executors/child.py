"""The first code inside a run's process."""

from __future__ import annotations

import faulthandler
import gc
import os
import signal
import threading
import traceback
from importlib import import_module
from multiprocessing import parent_process
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Protocol

from bench.errors import UsageError
from bench.plan.quiet import quietly
from bench.protocol import Failed

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Sink", "call", "start"]


class Sink(Protocol):
    """The end of a pipe to which a run writes its messages."""

    def send_bytes(self, data: bytes, /) -> None:
        """Send one message."""
        ...


def start(sink: Sink, entry: str, request_json: str, environ: Mapping[str, str]) -> None:
    """Make this process the leader of a group that dies with its parent, then carry out the request."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles a Ctrl-C
    signal.pthread_sigmask(signal.SIG_SETMASK, ())  # the fork server keeps signals back
    threading.Thread(target=_die_with_parent, name="die-with-parent", daemon=True).start()
    os.dup2(2, 1)  # stdout is for data, and a run's data goes through the pipe
    faulthandler.enable()
    gc.freeze()  # a collection of all that the fork server imported would take a third of a second, in any step
    os.environ.update(environ)
    try:
        call(sink, entry, request_json)
    except BrokenPipeError:  # the parent is gone; ending alone would leave what this process has started
        os.killpg(0, signal.SIGKILL)


def call(sink: Sink, entry: str, request_json: str) -> None:
    """Call `entry`, a `module:function`; an exception that escapes it becomes the run's last message."""
    module, _, function = entry.partition(":")
    try:
        with quietly():  # for who runs in the process of the user; others find it imported
            imported = import_module(module)
        getattr(imported, function)(sink, request_json)
    except (Exception, SystemExit) as error:  # noqa: BLE001  whatever it is, the run gets its row
        failed = Failed(
            status="failed",
            reason=f"{type(error).__name__}: {error}".splitlines()[0],
            usage=isinstance(error, UsageError),
            traceback=traceback.format_exc(),
        )
        sink.send_bytes(failed.model_dump_json().encode())


def _die_with_parent() -> None:
    """Wait until the parent is gone, however it ended, then end this process and all that it started."""
    parent = parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os.killpg(0, signal.SIGKILL)
