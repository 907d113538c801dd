"""The fork server of `multiprocessing`: one per Python process, with the environment of runs, which that process does not keep."""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import suppress
from multiprocessing import forkserver, resource_tracker
from typing import Any

from bench.ending import uninterrupted

__all__ = ["SERVER_ENVIRONMENT", "ensure_server", "server_pid", "signal_of", "stop_server"]

_ENDING_SECONDS = 0.2
"""The files of a process that ends are closed a moment before its parent can see how it ended."""

SERVER_ENVIRONMENT = {
    # How OpenMP's threads wait for each other, read when torch is imported: they spin briefly, which saves most
    # operations a wake-up, then sleep, so that waiting takes no core from another process. Spinning longer makes
    # steps a few percent shorter on idle cores, and several times as long beside a busy process.
    "OMP_WAIT_POLICY": "PASSIVE",
    "GOMP_SPINCOUNT": "1000",
    # glibc keeps freed memory. Otherwise it would return each step's gradients and activations to the kernel, which
    # zeroes every page again for the next step.
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": "-1",
    "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
    "TOKENIZERS_PARALLELISM": "false",
}
"""Environment variables of every run, unless the user has set them."""


def stop_server() -> None:
    """End the fork server, if one runs."""
    server: Any = forkserver._forkserver  # noqa: SLF001  there is no public way
    if server._forkserver_pid is not None:  # noqa: SLF001
        with suppress(ProcessLookupError):
            os.kill(server._forkserver_pid, signal.SIGKILL)  # noqa: SLF001  it may still be importing, for seconds
    server._stop()  # noqa: SLF001


def server_pid() -> int | None:
    """Return the process id of the fork server; None where none was started."""
    server: Any = forkserver._forkserver  # noqa: SLF001
    pid: int | None = server._forkserver_pid  # noqa: SLF001
    return pid


def signal_of(pid: int | None) -> int | None:
    """Return the signal that has ended the fork server with this process id; None where none has, or that is not known any more."""
    until = time.monotonic() + _ENDING_SECONDS
    while pid is not None and hasattr(os, "waitid") and time.monotonic() < until:
        try:  # without taking it from multiprocessing, which waits for it too
            ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return None
        if ended:
            return ended.si_status if ended.si_code in (os.CLD_KILLED, os.CLD_DUMPED) else None
        time.sleep(_ENDING_SECONDS / 10)
    return None


def ensure_server() -> None:
    """Start the fork server if none runs, with the environment of runs, which this process does not keep."""
    # It is a `python -c`, which looks for modules in the working directory first: let it look where this process does.
    search = {"PYTHONSAFEPATH": "1", "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))}
    changed = {name: value for name, value in SERVER_ENVIRONMENT.items() if name not in os.environ} | search
    before = {name: os.environ.get(name) for name in changed}
    os.environ.update(changed)
    try:
        resource_tracker.ensure_running()  # which would unblock signals
        with (
            uninterrupted()
        ):  # nor shall the server be, for as long as it lives: whoever presses Ctrl-C means this process
            forkserver.ensure_running()
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
