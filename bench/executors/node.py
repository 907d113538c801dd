"""A run on a node of a cluster, by the supervisor that carries out runs anywhere; what comes of it are lines of JSON.

    python -m bench.executors.node JOB LINES

carries out the job in the file JOB, and adds to the file LINES what the run says, as it says it, and then its record.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from bench.errors import BenchError, UsageError
from bench.executors.far import FarRun
from bench.executors.local import Runner
from bench.experiment.bounds import Frozen
from bench.protocol import Finished, Progress, Request

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.executors.registry import Options
    from bench.experiment.spec import WorkloadSpec
    from bench.protocol import Message
    from bench.records.record import RunRecord

__all__ = ["Job", "Node", "Terms", "main"]

PROGRESS_SECONDS = 1.0
"""Between two words on the progress of a run, each of which crosses the network."""


class Terms(Frozen):
    """What holds for all runs that a node carries out."""

    directory: str
    """In which relative paths begin, where it is there."""
    timeout_seconds: float | None = None
    max_memory_bytes: float | None = None
    num_slots: int = 1
    """Runs on the CPU of the node at a time."""
    entry: str = "bench.worker:main"
    preload: tuple[str, ...] | None = None
    """Modules that are imported once for all runs; None is what runs need."""

    @classmethod
    def of(cls, options: Options, num_slots: int, entry: str, preload: tuple[str, ...] | None) -> Terms:
        """Take them from what an executor is made with."""
        return cls(
            directory=str(Path.cwd()),
            timeout_seconds=options.timeout_seconds,
            max_memory_bytes=options.max_memory_bytes,
            num_slots=num_slots,
            entry=entry,
            preload=preload,
        )


class Job(Frozen):
    """One request, and the terms on which it is carried out."""

    terms: Terms
    request: Request


class Node:
    """Carries out requests one after the other; a context manager."""

    def __init__(self, terms: Terms) -> None:
        """Keep the terms; processes start with the context."""
        given: dict[str, Any] = {} if terms.preload is None else {"preload": terms.preload}
        self._runner = Runner(
            entry=terms.entry,
            timeout_seconds=terms.timeout_seconds,
            max_memory_bytes=terms.max_memory_bytes,
            concurrent=1,
            num_slots=terms.num_slots,
            **given,
        )
        self._directory = Path(terms.directory)
        self._prepared: set[WorkloadSpec] = set()
        self._open = ExitStack()

    def __enter__(self) -> Self:
        if self._directory.is_dir():
            os.chdir(self._directory)
        self._open.enter_context(self._runner)
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def carry_out(self, request: Request, send: Callable[[str], None]) -> None:
        """Carry out a request, after what it needs was fetched to this node, and send a line for each word and for its record."""
        try:
            record = self._unprepared(request) or self._carried_out(request, send)
            send(f"record {record.model_dump_json()}")
        except UsageError as error:
            send(f"refused {error}")
        except BenchError as error:
            send(f"lost {error}")

    def _unprepared(self, request: Request) -> RunRecord | None:
        """Fetch, convert and tokenise what a run needs, once; return its record where that fails."""
        if request.mode == "prepare" or request.spec.workload in self._prepared:
            return None
        asked = Request(spec=request.spec, mode="prepare", validation=request.validation)
        try:
            (record,) = self._runner.run([asked])
        except UsageError as error:  # what was right where it was asked for is not there on this node
            record = FarRun(asked, None).lost("failed", str(error), os.uname().nodename)
        if record.status == "ok":
            self._prepared.add(request.spec.workload)
            return None
        reason = f"on {record.host}: {record.reason}"
        return record.model_copy(update={"reason": reason, "phase": f"prepare: {record.phase or 'fetch'}"})

    def _carried_out(self, request: Request, send: Callable[[str], None]) -> RunRecord:
        last = -PROGRESS_SECONDS

        def listen(_: Request, message: Message) -> None:
            nonlocal last
            if isinstance(message, Progress):
                if time.monotonic() < last + PROGRESS_SECONDS:
                    return
                last = time.monotonic()
            if not isinstance(message, Finished):  # all that it says is in the record
                send(f"message {message.model_dump_json()}")

        if request.shelf is not None and not Path(request.shelf).is_dir():  # results are not on a shared file system
            if request.save_model is not None:
                raise UsageError(f"--save-model: the results directory is not there on {os.uname().nodename}")
            request = request.model_copy(update={"shelf": None, "checkpoint": None})
        (record,) = self._runner.run([request], listen)
        return record


def main(job_file: str, lines_file: str) -> None:
    """Carry out the job in a file, and end where the process that started this one does."""
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    job = Job.model_validate_json(Path(job_file).read_bytes())
    with Path(lines_file).open("a", encoding="utf-8") as lines, Node(job.terms) as node:
        node.carry_out(job.request, lambda line: print(line, file=lines, flush=True))


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(PROGRESS_SECONDS)
    os.kill(os.getpid(), 9)  # and with it the processes of the run


if __name__ == "__main__":
    main(*sys.argv[1:])
