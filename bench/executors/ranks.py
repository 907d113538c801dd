"""The processes of one run, one or several: watched together, since what becomes of one becomes of all, and put into one record."""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.util import get_temp_dir
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from bench.executors.launch import HERE
from bench.protocol import read_message
from bench.records.readings import RankReadings

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from bench.executors.followers import FarProcess
    from bench.executors.outcome import Outcome
    from bench.executors.process import RunProcess
    from bench.protocol import Request
    from bench.records.record import RunRecord

__all__ = ["Rank", "Ranks", "meeting_of", "num_ranks", "record_of", "request_of", "surroundings"]

SETTLE_SECONDS = 3.0
"""After the first failure: how long the others have to say what they met, so that the cause is told and no consequence."""
MEASURING = ("run", "dry")


@dataclass(frozen=True, slots=True)
class Rank:
    """One of the processes, and what became of it."""

    process: RunProcess | FarProcess
    outcome: Outcome

    def look(self) -> None:
        """Take its memory, and the messages that have arrived; where it ended without its last, note how."""
        is_running = self.process.is_running  # before its last message is read
        self.outcome.see_host_peak(self.process.peak_bytes)
        for data in self.process.messages():
            try:
                self.outcome.add(read_message(data))
            except ValidationError as error:
                self.outcome.decide("failed", f"its process sent what is no message: {error.errors()[0]['msg']}")
        if not is_running and not self.outcome.has_failed:
            process = self.process
            self.outcome.exited(process.exit_code, oom_kills=process.oom_kills, server_signal=process.server_signal)


@dataclass(frozen=True, slots=True)
class Ranks:
    """All of them."""

    all: Sequence[Rank]

    @property
    def awaited(self) -> list[Any]:
        """What is ready for `multiprocessing.connection.wait` once one that runs sends a message or ends."""
        expected = [rank for rank in self.all if rank.process.is_running or not rank.outcome.is_decided]
        return [sign for rank in expected for sign in rank.process.awaited]

    @property
    def is_lost(self) -> bool:
        """Whether the run cannot go on for the sake of one."""
        return any(rank.outcome.is_lost for rank in self.all)

    def look(self) -> None:
        """Take what has become of each."""
        for rank in self.all:
            rank.look()

    def end(self) -> Generator[Ranks]:
        """End all of them: where one has failed, once the others had time to say what they met of it."""
        began, is_lost = time.monotonic(), self.is_lost and len(self.all) > 1
        while (
            is_lost
            and time.monotonic() < began + self._settle_seconds
            and any(rank.process.is_running for rank in self.all)
        ):
            yield self
            self.look()
        for rank in self.all:
            if is_lost and rank.process.is_running:
                rank.process.end()  # for the sake of another, which is told
            else:
                rank.process.close()
                rank.look()

    @property
    def _settle_seconds(self) -> float:
        """Longer where no more is told than that a rank lost another, which is on a node that may be gone."""
        is_told = any(rank.outcome.is_lost and not rank.outcome.only_lost_a_peer for rank in self.all)
        return SETTLE_SECONDS + (0.0 if is_told else max(rank.process.silence_seconds for rank in self.all))


def num_ranks(request: Request) -> int:
    """Count the processes that carry out a request: several where it measures, one where it only prepares."""
    return (request.spec.num_processes or 1) if request.mode in MEASURING else 1


def request_of(request: Request, rank: int, meeting: str | None, gpu_uuid: str | None) -> Request:
    """What one of them is asked for: the same, and rank 0 alone forecasts."""
    only_first = {} if rank == 0 else {"forecast": False}
    return request.model_copy(update={"rank": rank, "meeting": meeting, "gpu_uuid": gpu_uuid, **only_first})


def surroundings(request: Request) -> dict[str, str]:
    """Environment variables of one of several processes: on one machine they talk through no card of a network."""
    if request.meeting is None:
        return {}
    # torch would take the device of this number, and each process sees one
    own = {"LOCAL_RANK": "0"} if "LOCAL_RANK" in os.environ else {}
    is_here = request.meeting.startswith(("file:", f"tcp://{HERE}")) and sys.platform == "linux"
    return own | ({"GLOO_SOCKET_IFNAME": os.environ.get("GLOO_SOCKET_IFNAME", "lo")} if is_here else {})


@contextmanager
def meeting_of(num: int) -> Iterator[str | None]:
    """Make a place for `num` processes of this machine to meet, where their fork server's socket lies; one needs none."""
    if num == 1:
        yield None
        return
    with TemporaryDirectory(dir=get_temp_dir()) as folder:
        yield f"file://{folder}/meeting"


def record_of(outcomes: Sequence[Outcome]) -> RunRecord:
    """Return the record of the run: of rank 0, with the largest memory, or of the rank for whose sake it failed.

    Raises:
        UsageError: a rank reported that the request itself is wrong.

    """
    first, num = outcomes[0], len(outcomes)
    if num == 1:
        return first.record()
    failed = [(rank, one) for rank, one in enumerate(outcomes) if one.has_failed]
    if failed:
        rank, cause = min(failed, key=lambda it: it[1].precedence)
        record = cause.record()
        is_alike = all(one.ending == cause.ending for _, one in failed)
        is_said_by_all = is_alike and (len(failed) == num or record.status == "skipped")  # a plan is refused for all
        of_all = is_said_by_all or record.status in {"timeout", "interrupted"}
        return record if of_all else record.model_copy(update={"reason": f"rank {rank} of {num}: {record.reason}"})
    unsaved = [(one.not_saved, rank) for rank, one in enumerate(outcomes) if one.not_saved]
    if unsaved and first.is_without_weights:
        why, rank = min(unsaved)
        first.not_saved = why._replace(reason=f"rank {rank} of {num}: {why.reason}")
    record = first.record()
    if record.measured is None:
        return record
    memories = [record.measured.memory, *(one.followed for one in outcomes[1:])]
    peaks = tuple(None if memory is None else memory.training_bytes for memory in memories)
    largest = max((memory for memory in memories if memory), key=lambda memory: memory.training_bytes or 0)
    measured = record.measured.model_copy(update={"memory": largest, "ranks": RankReadings(num=num, peak_bytes=peaks)})
    return record.model_copy(update={"measured": measured})
