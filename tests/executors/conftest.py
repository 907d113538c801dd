"""Runs of tiny entries in real processes: each entry behaves as a run may, well or badly."""

from __future__ import annotations

import sys
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from bench.executors import Runner
from bench.experiment.spec import RunSpec, Term
from bench.protocol import Request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime
    from pathlib import Path

    from bench.records.record import RunRecord

ENTRIES = """
import json, multiprocessing, os, resource, signal, subprocess, sys, threading, time
from pathlib import Path
from types import SimpleNamespace
from bench.errors import UsageError
from bench.measuring import host_memory
from bench.protocol import Failed, Finished, Followed, Planned, Progress, Request, Saved, Stage
from bench.records.record import Measurement, Memory

def send(connection, message):
    connection.send_bytes(message.model_dump_json().encode())

def train(connection, detail=""):
    send(connection, Stage(name="load", at=time.monotonic(), detail=detail))
    send(connection, Planned(changes={"phases": "all"}, num_steps=2, num_params=9, num_trainable_params=3))
    send(connection, Stage(name="train", at=time.monotonic()))

def argument(request_json):
    return Request.model_validate_json(request_json).save_model

def well(connection, request_json):
    train(connection)
    for done in (1, 2):
        send(connection, Progress(done=done, total=2))
    if not (kept := argument(request_json)):
        return send(connection, Finished())
    send(connection, Finished.model_validate_json(Path(kept).read_text()))
    send(connection, Saved())

def tells_surroundings(connection, request_json):
    print("printed by a library")
    request = Request.model_validate_json(request_json)
    here = {"environ": dict(os.environ), "gpu": request.gpu_uuid, "group": os.getpgrp() == os.getpid()}
    train(connection, json.dumps(here))
    send(connection, Finished())

def takes_memory_again(connection, request_json):
    from bench.measuring.peaks import Peaks
    def num_faults():
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    marks = [num_faults()]
    for _ in range(2):
        block = b"x" * (64 * 2**20)
        del block
        marks.append(num_faults())
    resident = host_memory.resident_bytes()
    Peaks(SimpleNamespace(type="cpu")).enter("evaluate")
    train(connection, json.dumps({"marks": marks, "released": resident - host_memory.resident_bytes()}))
    send(connection, Finished())

def naps(connection, request_json):
    train(connection, Request.model_validate_json(request_json).gpu_uuid or "")
    time.sleep(1)
    send(connection, Finished())

def counts_what_it_prepares(connection, request_json):
    request = Request.model_validate_json(request_json)
    if request.mode == "prepare":
        with (Path(os.environ["BENCH_LOCK_DIR"]) / "prepared").open("a") as file:
            print(request.mode, file=file)
    else:
        with Path(argument(request_json)).open("a") as file:
            print(request.mode, file=file)
    send(connection, Finished())

def prepares_nothing(connection, request_json):
    send(connection, Stage(name="fetch", at=time.monotonic()))
    send(connection, Failed(status="failed", reason="no model here"))

def tells_request(connection, request_json):
    request = Request.model_validate_json(request_json)
    if request.mode == "run":
        told = json.dumps({"shelf": request.shelf, "checkpoint": request.checkpoint})
        send(connection, Stage(name="load", at=time.monotonic(), detail=told))
    send(connection, Finished())

def hangs_in_a_run(connection, request_json):
    if Request.model_validate_json(request_json).mode == "prepare":
        send(connection, Finished())
    else:
        hangs(connection, request_json)

def kills_the_node_of_seed_1(connection, request_json):
    request = Request.model_validate_json(request_json)
    if request.mode == "run":
        train(connection)
        if request.spec.seed == 1:
            time.sleep(0.5)  # what it said crosses the network
            node = multiprocessing.parent_process().pid
            os.kill(node, signal.SIGKILL)
            time.sleep(60)
    send(connection, Finished())

def naps_or_kills_the_node_of_seed_1(connection, request_json):
    if Request.model_validate_json(request_json).mode == "run":
        time.sleep(2)
    kills_the_node_of_seed_1(connection, request_json)

def raises(connection, request_json):
    train(connection)
    raise RuntimeError("boom\\nsecond line")

def usage(connection, request_json):
    raise UsageError("no column 'x'")

def refuses_a_run(connection, request_json):
    if Request.model_validate_json(request_json).mode == "prepare":
        return send(connection, Finished())
    raise UsageError("no column 'x'")

def fails(connection, request_json):
    train(connection)
    failed = {"status": "oom", "reason": "no room", "memory": {"host_peak_bytes": 7}}
    send(connection, Failed.model_validate(failed))

def signals(connection, request_json):
    train(connection)
    time.sleep(0.3)
    os.kill(os.getpid(), int(argument(request_json)))

def exits(connection, request_json):
    train(connection)
    os._exit(3)

def loses_its_server(connection, request_json):
    train(connection)
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(60)

def returns(connection, request_json):
    pass

def talks_nonsense(connection, request_json):
    connection.send_bytes(b'{"kind": "gossip"}')
    time.sleep(60)

def start_helper(request_json):
    helper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    path = Path(argument(request_json))
    path.with_suffix(".tmp").write_text(json.dumps([os.getpid(), helper.pid, os.getppid()]))
    path.with_suffix(".tmp").rename(path)

def hangs(connection, request_json):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    start_helper(request_json)
    train(connection)
    time.sleep(60)

def hoards(connection, request_json):
    start_helper(request_json)
    train(connection)
    held = bytearray(b"1") * (400 << 20)
    time.sleep(60)

def lingers(connection, request_json):
    send(connection, Finished())
    threading.Thread(target=time.sleep, args=(60,)).start()

def closes(connection, request_json):
    train(connection)
    connection.close()
    time.sleep(0.5)

def rank_of(request_json, folder=True):
    request = Request.model_validate_json(request_json)
    if folder:
        Path(f"{argument(request_json)}{request.rank}").write_text(str(os.getpid()))
    return request.rank

def shares(connection, request_json):
    request = Request.model_validate_json(request_json)
    place = Path(request.meeting.removeprefix("file://"))
    here = {"pid": os.getpid(), "parent": os.getppid(), "meeting": request.meeting, "meeting_was_there": place.exists()}
    measured = Measurement.model_validate_json(Path(argument(request_json)).read_text())
    if request.rank == 0:
        send(connection, Stage(name="train", at=time.monotonic(), detail=json.dumps(here)))
        return send(connection, Finished(measured=measured))
    Path(argument(request_json)).with_name("rank1").write_text(json.dumps(here))
    memory = measured.memory
    more = memory.host_peak_bytes + memory.training_bytes
    send(connection, Followed(memory=memory.model_copy(update={"host_peak_bytes": more})))

def hears_nothing_bad(connection, request_json):
    rank = rank_of(request_json, folder=False)
    train(connection)
    send(connection, Followed(memory=Memory()) if rank else Finished())

def waits_for_its_peer(connection, request_json):
    # as a collective does: the other has failed, and this one says that it lost it
    time.sleep(0.2)
    send(connection, Failed(status="failed", reason="Connection closed by peer", lost_a_peer=True))

def meets(connection, request_json, second):
    rank = rank_of(request_json)
    train(connection)
    if rank == 0:
        while not Path(f"{argument(request_json)}1").exists():
            time.sleep(0.01)
        return waits_for_its_peer(connection, request_json)
    time.sleep(0.1)
    second()

def second_is_killed(connection, request_json):
    meets(connection, request_json, lambda: os.kill(os.getpid(), signal.SIGKILL))

def second_runs_out(connection, request_json):
    meets(connection, request_json, lambda: send(connection, Failed(status="oom", reason="no room")))

def second_is_refused(connection, request_json):
    meets(connection, request_json, lambda: send(connection, Failed(status="skipped", reason="no compiler")))

def all_are_refused(connection, request_json):
    time.sleep(0.3 * rank_of(request_json))
    send(connection, Failed(status="skipped", reason="not cut among devices"))

def all_run_out(connection, request_json):
    time.sleep(0.3 * rank_of(request_json))
    send(connection, Failed(status="oom", reason="no room"))

def second_exits(connection, request_json):
    meets(connection, request_json, lambda: os._exit(3))

def second_returns(connection, request_json):
    meets(connection, request_json, lambda: None)

def second_talks_nonsense(connection, request_json):
    meets(connection, request_json, lambda: talks_nonsense(connection, request_json))

def second_hangs(connection, request_json):
    rank_of(request_json)
    train(connection)
    time.sleep(60)

def second_hoards(connection, request_json):
    rank = rank_of(request_json)
    train(connection)
    held = bytearray(b"1") * (400 << 20) if rank else None
    time.sleep(60)

def keeps(connection, request_json, second, first=lambda: time.sleep(60)):
    rank = rank_of(request_json)
    train(connection)
    send(connection, Followed(memory=Memory()) if rank else Finished())
    second() if rank else first()

def second_is_killed_keeping(connection, request_json):
    keeps(connection, request_json, lambda: os.kill(os.getpid(), signal.SIGKILL))

def second_runs_out_keeping(connection, request_json):
    second = lambda: send(connection, Failed(status="oom", reason="no room"))
    keeps(connection, request_json, second, lambda: waits_for_its_peer(connection, request_json))

def first_cannot_write(connection, request_json):
    keeps(connection, request_json, lambda: time.sleep(60), lambda: send(connection, Failed(status="failed", reason="disk")))

def both_keep(connection, request_json):
    keeps(connection, request_json, *[lambda: send(connection, Saved())] * 2)

def by_name(connection, request_json):
    globals()[Path(argument(request_json)).name](connection, request_json)

def interrupts(connection, request_json):
    train(connection)
    raise KeyboardInterrupt
"""


@pytest.fixture(scope="session")
def entries_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("entries")
    (directory / "tiny_entries.py").write_text(ENTRIES)
    return directory


@pytest.fixture(autouse=True)
def _entries(entries_directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The entries can be imported, here and in a run, and no other bench's lock is in the way."""
    monkeypatch.syspath_prepend(str(entries_directory))
    monkeypatch.setenv("BENCH_LOCK_DIR", str(tmp_path))
    yield
    sys.modules.pop("tiny_entries", None)


@pytest.fixture(scope="session")
def _server() -> Iterator[None]:
    """One fork server for all; a `Runner` that is not entered uses the one that runs."""
    with Runner(preload=("bench.protocol",)):
        yield


@pytest.fixture
def make_request() -> Callable[..., Request]:
    def make(argument: object = None, *, device: str = "cpu", mode: str = "run") -> Request:
        spec = RunSpec(strategy=(Term(name="full"),), device=device)
        fields = {"mode": mode, "save_model": None if argument is None else str(argument)}
        return Request.model_validate({"spec": spec, **fields})

    return make


def runner(entry: str, **options: Any) -> Runner:
    return Runner(entry=f"tiny_entries:{entry}", **options)


def asked_of(make_request: Callable[..., Request], num_seeds: int, *, device: str = "cuda") -> list[Request]:
    request = make_request(device=device)
    return [
        request.model_copy(update={"spec": request.spec.model_copy(update={"seed": seed})}) for seed in range(num_seeds)
    ]


def spans_of(records: Iterable[RunRecord]) -> list[tuple[datetime, datetime]]:
    return [(it.started_at, it.started_at + timedelta(seconds=it.wall_seconds)) for it in records]


def eventually(is_so: Callable[[], bool], seconds: float = 30) -> bool:
    until = time.monotonic() + seconds
    while not is_so() and time.monotonic() < until:
        time.sleep(0.02)
    return is_so()


def is_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
