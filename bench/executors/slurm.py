"""Runs as jobs of SLURM: each is a command with a request in a file, submitted by submitit, alone or as one array."""

from __future__ import annotations

import os
import shutil
import sys
import time
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import submitit
from submitit.core.utils import FailedJobError, FailedSubmissionError
from submitit.helpers import CommandFunction

from bench.errors import BenchError, UsageError
from bench.executors.far import FarRun
from bench.executors.node import Job, Terms

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path

    from bench.executors.registry import Options
    from bench.protocol import Message, Request
    from bench.records.record import RunRecord, Status

    OnEvent = Callable[[Request, Message], None]

__all__ = ["SlurmExecutor", "sbatch_parameters"]

LOCAL = "local"
"""In the place of a cluster: processes of this machine, to try it out."""
POLL_SECONDS = 0.3
LATE_SECONDS = 5.0
"""A network file system may show what a job wrote so much later than that the job is done."""
MOST_MINUTES = 60 * 24 * 365
_STATUSES: dict[str, Status] = {"TIMEOUT": "timeout", "OUT_OF_MEMORY": "oom"}


def sbatch_parameters(options: Options, device: str) -> dict[str, Any]:
    """Say what `sbatch` is asked for, in the names of `submitit.SlurmExecutor`.

    A GPU for each run, or a whole node where the CPU is measured and no number of runs at a time was asked for. A job is
    never queued again, and has no limit of time but that of its partition, or what --sbatch says.

    Raises:
        UsageError: what --sbatch says is no list of NAME=VALUE.

    """
    more: dict[str, Any] = {"no-requeue": True}
    for part in (options.sbatch or "").split(","):
        name, equals, value = part.strip().removeprefix("--").partition("=")
        if name:
            more[name] = value if equals else True
        elif equals:
            raise UsageError(f"--sbatch: {part!r} is no NAME=VALUE")
    gpu = f"gpu:{options.accelerator}:1" if options.accelerator else "gpu:1"
    return {
        "job_name": "bench",
        "partition": options.partition,
        "time": None,
        "wckey": None,
        "use_srun": False,
        "exclusive": True if device == "cpu" and options.concurrent is None else None,
        "gres": gpu if device == "cuda" else None,
        "array_parallelism": options.concurrent or 256,
        "additional_parameters": more,
    }


@dataclass(slots=True)
class _Submitted:
    """A job, and what it has written so far."""

    run: FarRun
    file: Path
    job: submitit.Job[str]
    done_at: float | None = None
    _read: int = 0
    _rest: str = ""

    def lines(self) -> Iterator[str]:
        """Yield the lines that are new."""
        with suppress(FileNotFoundError), self.file.open(encoding="utf-8") as file:
            file.seek(self._read)
            *lines, self._rest = (self._rest + file.read()).split("\n")
            self._read = file.tell()
            yield from lines


@dataclass(slots=True)
class SlurmExecutor:
    """Carries out runs as jobs; a context manager."""

    options: Options
    entry: str = "bench.worker:main"
    preload: tuple[str, ...] | None = None
    interrupted: bool = False
    _num_jobs: int = 0
    _has_lost: bool = False
    _processes: list[submitit.Job[str]] = field(default_factory=list)
    """The jobs that are processes of this machine."""
    _folder: Path = field(init=False)

    def __enter__(self) -> Self:
        self._folder = (self.options.directory / "jobs").absolute()
        self._folder.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, *_: object) -> None:
        until = time.monotonic() + LATE_SECONDS
        while self._processes and time.monotonic() < until:  # they end a little later than their runs
            self._processes = [job for job in self._processes if not job.done()]
            time.sleep(POLL_SECONDS)
        if not self._has_lost:  # else who looks for the cause finds it there
            shutil.rmtree(self._folder, ignore_errors=True)

    def run(self, requests: list[Request], on_event: OnEvent | None = None, /) -> Generator[RunRecord]:
        """Submit all requests, with --array as one array, and yield a record of each job as it ends.

        Raises:
            UsageError: a request cannot be carried out as it stands, or there is no SLURM here.
            BenchError: a job could not be submitted.

        """
        submitted: list[_Submitted] = []
        try:
            while submitted or (requests and not self.interrupted):
                ended: list[RunRecord] = []
                try:
                    if not self.interrupted and (room := self._room(requests, submitted)):
                        submitted += self._submit(room, on_event)
                        del requests[: len(room)]
                    for one in list(submitted):
                        if record := self._record(one):
                            submitted.remove(one)
                            ended.append(record)
                    if not ended:
                        time.sleep(POLL_SECONDS)
                except KeyboardInterrupt:
                    self.interrupted = True
                    _cancel(submitted)
                    ended += [one.run.interrupted() for one in submitted]
                    submitted.clear()
                yield from ended
        finally:
            _cancel(submitted)

    def _room(self, requests: list[Request], submitted: list[_Submitted]) -> list[Request]:
        """Return the requests that can be submitted now: all, as the queue is SLURM's, unless so many at a time were asked for."""
        most = self.options.concurrent or (1 if self.options.address == LOCAL else None)
        is_array = self.options.array and self.options.address != LOCAL
        return requests[:] if most is None or is_array else requests[: max(0, most - len(submitted))]

    def _submit(self, requests: list[Request], on_event: OnEvent | None) -> list[_Submitted]:
        device = requests[0].spec.device
        executor = self._executor(device)
        terms = Terms.of(self.options, self.options.concurrent or 1, self.entry, self.preload)
        files = []
        for request in requests:
            self._num_jobs += 1
            files.append(self._folder / f"{self._num_jobs}.json")
            files[-1].write_text(Job(terms=terms, request=request).model_dump_json(), encoding="utf-8")
        commands = [
            CommandFunction(
                [sys.executable, "-P", "-m", "bench.executors.node", str(file), str(file.with_suffix(".lines"))]
            )
            for file in files
        ]
        try:
            with _errors_in(self._folder / "submitit.err"), executor.batch() if self.options.array else nullcontext():
                jobs = [executor.submit(command) for command in commands]
        except (FailedSubmissionError, FailedJobError, OSError) as error:
            raise BenchError(f"sbatch failed: {str(error).strip()}") from error
        self._processes += jobs if self.options.address == LOCAL else []
        return [
            _Submitted(FarRun(request, on_event), file.with_suffix(".lines"), job)
            for request, file, job in zip(requests, files, jobs, strict=True)
        ]

    def _executor(self, device: str) -> submitit.Executor:
        folder = self._folder / "submitit"
        if self.options.address == LOCAL:
            local = submitit.LocalExecutor(folder)
            local.update_parameters(timeout_min=MOST_MINUTES)
            return local
        if self.options.address is not None:
            raise UsageError(f"--address {self.options.address}: for --executor slurm it is {LOCAL}, or left out")
        try:
            executor = submitit.SlurmExecutor(folder, max_num_timeout=0)
        except RuntimeError as error:
            raise UsageError(
                f"there is no SLURM here: srun was not found; submit from a node that has it, or try it out with --address {LOCAL}"
            ) from error
        executor.update_parameters(**sbatch_parameters(self.options, device))
        return executor

    def _record(self, one: _Submitted) -> RunRecord | None:
        """Read what a job has written; return the record of one that is over."""
        for line in one.lines():
            if record := one.run.hear(line):
                return record
        if one.done_at is None:
            one.done_at = time.monotonic() if one.job.done() or _is_preempted(one.job) else None
            return None
        if time.monotonic() < one.done_at + LATE_SECONDS:
            return None
        self._has_lost = True
        state = one.job.state.partition(" ")[0]  # SLURM writes who cancelled a job behind it
        reason = f"job {one.job.job_id} ended as {state} and left no record; see {one.job.paths.stderr}"
        return one.run.lost(_STATUSES.get(state, "killed"), reason)


def _is_preempted(job: submitit.Job[str]) -> bool:
    """Whether SLURM took a job's node from it, which submitit takes for a job that is queued again."""
    return isinstance(job, submitit.SlurmJob) and job.watcher.get_state(job.job_id, mode="cache") == "PREEMPTED"


@contextmanager
def _errors_in(file: Path) -> Iterator[None]:
    """Let what is started meanwhile write its errors into a file: each process that stands for SLURM here prints how it was cancelled."""
    kept = os.dup(2)
    try:
        with file.open("ab") as errors:
            os.dup2(errors.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _cancel(submitted: list[_Submitted]) -> None:
    for one in submitted:
        with suppress(Exception):  # one that is gone already
            one.job.cancel(check=False)
