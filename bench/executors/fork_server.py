"""The fork server of `multiprocessing`: one per Python process, with the environment of runs, which that process does not keep."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from multiprocessing import forkserver, resource_tracker
from typing import Any

from bench.ending import uninterrupted

__all__ = ["SERVER_ENVIRONMENT", "ensure_server", "stop_server"]

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
