"""Runs on this machine: a fork server with the slow imports done, and one supervised process per run."""

from __future__ import annotations

import math
import os
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from multiprocessing import connection, get_context
from typing import TYPE_CHECKING, Self

from bench.executors.devices import Busy, gpus_of, lease
from bench.executors.fork_server import ensure_server, stop_server
from bench.executors.gpu_monitor import sampled
from bench.executors.outcome import Outcome
from bench.executors.process import RunProcess
from bench.executors.ranks import Rank, Ranks, meeting_of, num_ranks, record_of, request_of, surroundings
from bench.executors.slots import slot
from bench.executors.socket_directory import socket_directory

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from bench.executors.followers import FarProcess, Followers
    from bench.executors.registry import Options
    from bench.protocol import Message, Request
    from bench.records.record import RunRecord

    OnEvent = Callable[[Request, Message], None]

__all__ = ["Runner"]

HOST_PERIOD_SECONDS = 0.1
GRACE_SECONDS = 10.0


class Runner:
    """Carries out every run in a fresh process and survives whatever it does. A context manager.

    Every device that is free carries out one. The fork server is one per Python process: one `Runner` at a time.
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
        concurrent: int | None = None,
        num_slots: int | None = None,
        followers: Followers | None = None,
    ) -> None:
        """Keep the settings of the runs; the fork server starts with the context.

        Args:
            entry: Called with every request, a `module:function`.
            timeout_seconds: The longest that a run may take; preparing is not limited.
            max_memory_bytes: The largest that the process of a run may get, by the kernel's count of what is resident.
            preload: Modules that the fork server imports once; if one is missing, the runs import it.
            grace_seconds: How long a run that should end has before it is killed.
            on_wait: Gets one sentence where a run must wait for another bench.
            concurrent: Runs at a time; None is one on each GPU, and one on the CPU.
            num_slots: Runs on the CPU of this machine at a time, by all who have a part in the comparison; None is `concurrent`.
            followers: Start the processes of a run but its first; None starts all of them here.

        """
        self.interrupted = False
        """Whether a Ctrl-C came during a run: then start no other."""
        self._entry, self._grace_seconds = entry, grace_seconds
        self._limit_seconds = math.inf if timeout_seconds is None else timeout_seconds
        self._limit_bytes = math.inf if max_memory_bytes is None else max_memory_bytes
        self._most, self._num_slots = concurrent or sys.maxsize, num_slots or concurrent or 1
        self._followers = followers
        self._preload, self._on_wait = [*preload, "bench.executors.child"], on_wait
        self._context, self._sockets = get_context("forkserver"), ExitStack()

    @classmethod
    def of(cls, options: Options) -> Self:
        """Make one as the command line asks for it."""
        return cls(
            timeout_seconds=options.timeout_seconds,
            max_memory_bytes=options.max_memory_bytes,
            on_wait=options.say,
            concurrent=1 if options.followers else options.concurrent,
            followers=options.followers,
        )

    def __enter__(self) -> Self:
        stop_server()  # one that runs already has another environment and other imports
        self._sockets.enter_context(socket_directory())
        self._context.set_forkserver_preload(self._preload)
        try:
            ensure_server()
        except BaseException:
            self._sockets.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        stop_server()
        self._sockets.close()

    def run(self, requests: list[Request], on_event: OnEvent | None = None, /) -> Generator[RunRecord]:
        """Carry out all requests, each in a fresh process, and yield a record of each as it ends.

        As many run at a time as there are devices to lease: on a CPU one, or as many as were asked for. What begins is taken off the list, so whoever
        asks may change what is left of it between two records. Every ending has a record with its status. After a Ctrl-C
        the processes are ended, the status is "interrupted" (unless a run had just finished), `interrupted` is set, and
        no other run begins.

        Raises:
            UsageError: a request cannot be carried out as it stands.
            BenchError: no process can be started.

        """
        running: list[_Run] = []
        has_room = True
        try:
            while running or (requests and not self.interrupted):
                try:
                    if has_room:  # to ask more often would take time from what is measured
                        self._begin(requests, on_event, running)
                    ranks = [run.ranks for run in running if run.ranks]
                    if len(ranks) == len(running):
                        connection.wait([end for one in ranks for end in one.awaited], HOST_PERIOD_SECONDS)
                    for run in running:
                        run.ranks = next(run.steps, None)
                except KeyboardInterrupt:
                    self.interrupted = True
                    for run in running:
                        run.interrupt()
                has_room = False
                for run in [run for run in running if run.ranks is None]:
                    running.remove(run)
                    has_room = True
                    yield record_of(run.outcomes)
        finally:
            for run in running:
                run.steps.close()

    def _begin(self, requests: list[Request], on_event: OnEvent | None, running: list[_Run]) -> None:
        """Begin what there is a device for; where nothing runs, wait for one."""
        while requests and len(running) < self._most and not self.interrupted:
            request = requests[0]
            listen = partial(on_event, request) if on_event else None
            listeners = [listen, *[None] * (num_ranks(request) - 1)]
            saves = request.save_model is not None
            outcomes = [Outcome(request.spec, one, saves_model=saves) for one in listeners]
            run = _Run(outcomes, self._carry_out(request, outcomes, None if running else self._on_wait))
            running.append(run)
            try:
                run.ranks = next(run.steps, None)
            except Busy:
                running.remove(run)
                return
            finally:
                if run in running:
                    requests.pop(0)
            if run.ranks is None:
                return

    def _carry_out(
        self, request: Request, outcomes: Sequence[Outcome], on_wait: Callable[[str], None] | None
    ) -> Generator[Ranks]:
        """Carry out a request, step by step: its processes are to be waited for between two."""
        num, uuids = len(outcomes), tuple[str, ...]()
        followers = self._followers if num > 1 else None  # each leases what its process measures on
        with ExitStack() as held:
            if self._num_slots > 1 and request.mode != "prepare" and not gpus_of(request.spec.device):
                name = held.enter_context(slot(self._num_slots, on_wait))
                outcomes[0].share(self._num_slots)
            else:
                uuids = held.enter_context(lease(request, on_wait, num=1 if followers else num))
                name = ",".join(uuids) or "cpu"
            leased = (*uuids, *[None] * (num - len(uuids)))
            for outcome, sampler in zip(outcomes, [held.enter_context(sampled(uuid)) for uuid in leased], strict=True):
                outcome.device = name
                outcome.begin(sampler)
            meeting = held.enter_context(followers.meeting() if followers else meeting_of(num))
            requests = [request_of(request, rank, meeting, uuid) for rank, uuid in enumerate(leased)]
            yield from self._supervise(requests, outcomes)

    def _supervise(self, requests: Sequence[Request], outcomes: Sequence[Outcome]) -> Generator[Ranks]:
        limit = math.inf if requests[0].mode == "prepare" else self._limit_seconds  # a download may take its time
        ensure_server()
        with ExitStack() as stack:
            processes = [self._process(request, stack) for request in requests]
            ranks = Ranks([Rank(*pair) for pair in zip(processes, outcomes, strict=True)])
            first, deadline = ranks.all[0], time.monotonic() + limit
            while first.process.is_running and not (first.outcome.is_over or ranks.is_lost):
                yield ranks
                ranks.look()
                for rank in ranks.all:
                    self._limit_memory(rank)
                if time.monotonic() >= deadline:
                    told = f"still in {first.outcome.last_phase} after {limit:g} s, the limit of a run"
                    first.outcome.decide("timeout", told)
                    first.process.end()
            yield from ranks.end()

    def _process(self, request: Request, held: ExitStack) -> RunProcess | FarProcess:
        if self._followers and request.rank:
            return held.enter_context(self._followers.start(request))
        return held.enter_context(self.start(request))

    def start(self, request: Request) -> RunProcess:
        """Start a process here.

        Raises:
            BenchError: the fork server ended, so that no run can start.

        """
        own = {name: os.environ.get(name, "") for name in ("PYTHONPATH", "PYTHONSAFEPATH")}  # not the fork server's
        environ = {"CUDA_VISIBLE_DEVICES": request.gpu_uuid or "", **own, **surroundings(request)}
        return RunProcess(
            self._context, self._entry, request.model_dump_json(), environ, grace_seconds=self._grace_seconds
        )

    def _limit_memory(self, rank: Rank) -> None:
        if (rank.process.peak_bytes or 0) > self._limit_bytes:
            limit_gib = self._limit_bytes / 2**30
            told = f"its process took more than {limit_gib:.3g} GiB, the limit of a run (--max-memory)"
            rank.outcome.decide("oom", told)
            rank.process.end()


@dataclass(slots=True)
class _Run:
    """A run that has begun."""

    outcomes: Sequence[Outcome]
    steps: Generator[Ranks]
    ranks: Ranks | None = None
    """None once it is over."""

    def interrupt(self) -> None:
        """End it."""
        self.steps.close()
        first = self.outcomes[0]
        first.decide("interrupted", f"interrupted in {first.last_phase}")
        self.ranks = None
