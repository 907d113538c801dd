"""A process that follows rank 0: it starts its rank's process of every run, by the supervisor that does so anywhere, and ends with rank 0."""

from __future__ import annotations

import json
import math
import signal
import socket
import time
from contextlib import ExitStack, contextmanager
from multiprocessing import connection
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from bench.errors import BenchError, ExitCode, UsageError
from bench.executors.devices import Busy, lease
from bench.executors.gpu_monitor import sampled
from bench.executors.link import LOST_SECONDS, POLL_SECONDS, Link, opened
from bench.executors.local import Runner
from bench.executors.outcome import Outcome
from bench.protocol import Failed, Followed, Progress, Request, read_message

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.executors.launch import Launch
    from bench.executors.process import RunProcess
    from bench.protocol import Message

__all__ = ["follow"]


def follow(launch: Launch, runner: Runner | None = None) -> int:
    """Do what rank 0 asks for until it ends or is gone; the result is the exit code."""
    launch.take_device()
    with opened(launch) as (store, name), runner or Runner() as starter, _patient() as patience:
        follower = _Follower(launch, Link(store, name, launch.rank, 0), starter, patience)
        follower.follow()
    return patience.exit_code or (ExitCode.FAILED if follower.code is None else follower.code)


class _Patience:
    """What is left of it once a signal came that would end this process: all that were started alike get it, and rank 0 ends the others in order."""

    def __init__(self) -> None:
        self.exit_code, self._until = 0, math.inf

    @property
    def is_over(self) -> bool:
        return time.monotonic() > self._until

    def end(self, number: int, _frame: object) -> None:
        if not self.exit_code:
            self.exit_code, self._until = 128 + number, time.monotonic() + LOST_SECONDS


@contextmanager
def _patient() -> Iterator[_Patience]:
    patience = _Patience()
    before = {number: signal.signal(number, patience.end) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield patience
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Follower:
    def __init__(self, launch: Launch, link: Link, runner: Runner, patience: _Patience) -> None:
        self._launch, self._link, self._runner, self._patience = launch, link, runner, patience
        self.code: int | None = None
        """With which rank 0 lets this process end."""
        self._peak_bytes = 0

    @property
    def _is_over(self) -> bool:
        return self.code is not None or self._patience.is_over or not self._link.is_alive

    def follow(self) -> None:
        """Carry out the part of this rank in every run."""
        self._link.send(socket.gethostname())
        while not self._is_over:
            for kind, text in self._words():
                if kind == "run":
                    self._carry_out(Request.model_validate_json(text))
            time.sleep(POLL_SECONDS)
        self._link.send("gone")

    def _words(self) -> Iterator[tuple[str, str]]:
        for line in self._link.heard():
            kind, _, text = line.partition(" ")
            if kind == "bye":
                self.code = int(text)
            yield kind, text

    def _carry_out(self, request: Request) -> None:
        outcome, self._peak_bytes = Outcome(request.spec, None), 0
        with ExitStack() as held:
            try:
                process = self._start(request, outcome, held)
            except (Busy, BenchError) as error:
                told = "another run measures on its device" if isinstance(error, Busy) else str(error)
                reason = f"on {socket.gethostname()}: {told}"
                self._tell(Failed(status="failed", reason=reason, usage=isinstance(error, UsageError)))
                self._end(exit_code=0, oom_kills=0)
                return
            while process.is_running:
                connection.wait(process.awaited, POLL_SECONDS)
                self._pass_on(process, outcome)
                orders = {kind for kind, _ in self._words()}
                if self._is_over or "end" in orders:
                    process.end()
                elif "close" in orders:
                    process.close()
            self._pass_on(process, outcome)
        self._end(exit_code=process.exit_code, oom_kills=process.oom_kills, server_signal=process.server_signal)

    def _end(self, *, exit_code: int | None, oom_kills: int | None, server_signal: int | None = None) -> None:
        ending = {"exit_code": exit_code, "oom_kills": oom_kills, "server_signal": server_signal}
        self._link.send(f"ended {json.dumps(ending)}")

    def _start(self, request: Request, outcome: Outcome, held: ExitStack) -> RunProcess:
        """Start the process on the device of this rank; the processors of a node are leased by the first of its ranks.

        Raises:
            Busy: another run measures there.
            BenchError: it cannot be started, or has no device.

        """
        is_leased = request.spec.device == "cpu" and self._launch.local_rank > 0
        uuids = () if is_leased else held.enter_context(lease(request, None))
        uuid = uuids[0] if uuids else None
        outcome.begin(held.enter_context(sampled(uuid)))
        has_shelf = request.shelf is not None and Path(request.shelf).is_dir()  # on a file system that all nodes share
        asked = request.model_copy(update={"gpu_uuid": uuid, "shelf": request.shelf if has_shelf else None})
        return held.enter_context(self._runner.start(asked))

    def _pass_on(self, process: RunProcess, outcome: Outcome) -> None:
        """Pass on what it says, with the memory of its device, and how large it has become."""
        for data in process.messages():
            try:
                message = read_message(data)
            except ValidationError:  # rank 0 says so
                self._link.send(f"message {data.decode(errors='replace')}")
                continue
            outcome.add(message)
            if isinstance(message, Followed) and outcome.followed:
                message = Followed(memory=outcome.followed)
            if not isinstance(message, Progress):  # of rank 0 alone
                self._tell(message)
        peak = process.peak_bytes
        if peak is not None and peak > self._peak_bytes:
            self._peak_bytes = peak
            self._link.send(f"peak {peak}")

    def _tell(self, message: Message) -> None:
        self._link.send(f"message {message.model_dump_json()}")
