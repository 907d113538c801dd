"""Runs on this machine: a fork server with the slow imports done, and one supervised process per run."""

from __future__ import annotations

import math
import os
import signal
import sys
import time
from contextlib import ExitStack, suppress
from multiprocessing import forkserver, get_context, resource_tracker
from typing import TYPE_CHECKING, Any, Self

from pydantic import ValidationError

from bench.ending import uninterrupted
from bench.executors.devices import lease
from bench.executors.gpu_monitor import sampled
from bench.executors.outcome import Outcome
from bench.executors.process import RunProcess
from bench.executors.socket_directory import socket_directory
from bench.measuring import host_memory
from bench.protocol import read_message

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bench.executors.gpu_monitor import DeviceSampler
    from bench.protocol import Message, Request
    from bench.records.record import RunRecord

__all__ = ["Runner"]

HOST_PERIOD_SECONDS = 0.1
GRACE_SECONDS = 10.0

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


class Runner:
    """Carries out every run in a fresh process and survives whatever it does. A context manager.

    The fork server is one per Python process: one `Runner` at a time.
    """

    def __init__(
        self,
        *,
        entry: str = "bench.worker:main",
        timeout_seconds: float | None = None,
        max_memory_bytes: float | None = None,
        preload: Sequence[str] = ("torch", "transformers", "bench.executors.preloaded"),
        grace_seconds: float = GRACE_SECONDS,
        on_wait: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Keep the settings of the runs; the fork server starts with the context.

        Args:
            entry: Called with every request, a `module:function`.
            timeout_seconds: The longest that a run may take; preparing is not limited.
            max_memory_bytes: The largest that the process of a run may get, by the kernel's count of what is resident.
            preload: Modules that the fork server imports once; if one is missing, the runs import it.
            grace_seconds: How long a run that should end has before it is killed.
            on_wait: Gets one sentence where a run must wait for another bench.

        """
        self.interrupted = False
        """Whether a Ctrl-C came during a run: then start no other."""
        self._entry, self._grace_seconds = entry, grace_seconds
        self._limit_seconds = math.inf if timeout_seconds is None else timeout_seconds
        self._limit_bytes = math.inf if max_memory_bytes is None else max_memory_bytes
        self._preload, self._on_wait = [*preload, "bench.executors.child"], on_wait
        self._context, self._sockets = get_context("forkserver"), ExitStack()

    def __enter__(self) -> Self:
        _stop_server()  # one that runs already has another environment and other imports
        self._sockets.enter_context(socket_directory())
        self._context.set_forkserver_preload(self._preload)
        try:
            _ensure_server()
        except BaseException:
            self._sockets.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        _stop_server()
        self._sockets.close()

    def run(self, request: Request, on_message: Callable[[Message], None] | None = None, /) -> RunRecord:
        """Carry out `request` in a fresh process and return its record.

        Every ending has a record with its status. After a Ctrl-C the process is ended, the
        status is "interrupted" (unless the run had just finished) and `interrupted` is set.

        Raises:
            UsageError: the request cannot be carried out as it stands.
            BenchError: no process can be started.

        """
        outcome = Outcome(request.spec, on_message, saves_model=request.save_model is not None)
        try:
            with lease(request, self._on_wait) as uuid, sampled(uuid) as sampler:
                self._supervise(request.model_copy(update={"gpu_uuid": uuid}), outcome, sampler)
        except KeyboardInterrupt:
            self.interrupted = True
            outcome.decide("interrupted", f"interrupted in {outcome.last_phase}")
        return outcome.record()

    def _supervise(self, request: Request, outcome: Outcome, sampler: DeviceSampler | None) -> None:
        limit = math.inf if request.mode == "prepare" else self._limit_seconds  # a download may take its time
        kills = host_memory.oom_kills()
        _ensure_server()
        outcome.begin(sampler)
        own = {name: os.environ.get(name, "") for name in ("PYTHONPATH", "PYTHONSAFEPATH")}  # not the fork server's
        environ = {"CUDA_VISIBLE_DEVICES": request.gpu_uuid or "", **own}
        with RunProcess(
            self._context, self._entry, request.model_dump_json(), environ, grace_seconds=self._grace_seconds
        ) as process:
            if sampler:
                sampler.watch(process.pid)
            deadline = time.monotonic() + limit
            while process.is_running and not outcome.is_over:
                process.wait(min(HOST_PERIOD_SECONDS, deadline - time.monotonic()))
                outcome.see_host_peak(peak := process.peak_bytes)
                _listen(process, outcome)
                if (peak or 0) > self._limit_bytes:
                    limit_gib = self._limit_bytes / 2**30
                    outcome.decide(
                        "oom", f"its process took more than {limit_gib:.3g} GiB, the limit of a run (--max-memory)"
                    )
                    process.end()
                if time.monotonic() >= deadline:
                    outcome.decide("timeout", f"still in {outcome.last_phase} after {limit:g} s, the limit of a run")
                    process.end()
            process.close()
            _listen(process, outcome)
            now = host_memory.oom_kills()
            outcome.exited(process.exit_code, oom_kills=None if kills is None or now is None else now - kills)


def _listen(process: RunProcess, outcome: Outcome) -> None:
    for data in process.messages():
        try:
            outcome.add(read_message(data))
        except ValidationError as error:
            outcome.decide("failed", f"its process sent what is no message: {error.errors()[0]['msg']}")


def _stop_server() -> None:
    server: Any = forkserver._forkserver  # noqa: SLF001  there is no public way
    if server._forkserver_pid is not None:  # noqa: SLF001
        with suppress(ProcessLookupError):
            os.kill(server._forkserver_pid, signal.SIGKILL)  # noqa: SLF001  it may still be importing, for seconds
    server._stop()  # noqa: SLF001


def _ensure_server() -> None:
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
