from __future__ import annotations

import fcntl
import json
import mmap
import platform
import signal
import socket
import subprocess
import sys
import threading
from datetime import UTC, datetime
from itertools import combinations, pairwise
from typing import TYPE_CHECKING

import pytest

from bench.campaign.executing import only
from bench.protocol import Finished, Planned, Progress, Saved, Stage
from bench.records.flags import is_timed
from bench.records.record import Environment, Flag
from tests.executors.conftest import asked_of, runner, spans_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bench.protocol import Message, Request
    from bench.records.record import RunRecord

pytestmark = pytest.mark.usefixtures("_server")

MIB = 2**20


def test_a_run_that_ends_well_is_a_record_of_all_it_said(
    make_request: Callable[..., Request], make_record: Callable[..., RunRecord], tmp_path: Path
) -> None:
    made = make_record()
    flag, environment = Flag(code="mig-slice", message="y"), made.environment
    assert isinstance(environment, Environment)
    said = Finished(measured=made.measured, flags=(flag,), environment=environment)
    (tmp_path / "finished.json").write_text(said.model_dump_json())
    messages: list[Message] = []
    request, before = make_request(tmp_path / "finished.json"), datetime.now(UTC)

    record = only(runner("well"), request, messages.append)

    assert record.status == "ok"
    assert record.spec == request.spec
    assert (record.reason, record.phase, record.memory, record.traceback) == (None, None, None, None)
    assert (record.measured, record.flags, record.environment) == (made.measured, (flag,), environment)
    assert record.changes == {"phases": "all"}
    assert before <= record.started_at <= datetime.now(UTC)
    assert record.wall_seconds > 0
    assert [type(message) for message in messages] == [Stage, Planned, Stage, Progress, Progress, Finished, Saved]
    assert [message.done for message in messages if isinstance(message, Progress)] == [1, 2]


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries have other ways")
def test_memory_that_a_run_has_freed_is_its_own_until_the_next_phase(make_request: Callable[..., Request]) -> None:
    messages: list[Message] = []

    assert only(runner("takes_memory_again"), make_request(), messages.append).status == "ok"

    assert isinstance(messages[0], Stage)
    found = json.loads(messages[0].detail)
    first, again = (after - before for before, after in pairwise(found["marks"]))
    assert first > 60 * MIB // mmap.PAGESIZE > 100 * again
    assert found["released"] > 60 * MIB


def test_what_a_run_says_of_its_own_failure_stands(make_request: Callable[..., Request]) -> None:
    record = only(runner("fails"), make_request())

    assert (record.status, record.reason) == ("oom", "no room")
    assert record.memory is not None
    assert record.memory.host_peak_bytes == 7


def test_a_run_that_talks_nonsense_is_ended(make_request: Callable[..., Request]) -> None:
    record = only(runner("talks_nonsense", grace_seconds=0.2), make_request())

    assert record.status == "failed"
    assert record.reason is not None
    assert record.reason.startswith("its process sent what is no message")


def test_a_finished_run_that_does_not_end_by_itself_is_ok_with_a_doubt(make_request: Callable[..., Request]) -> None:
    record = only(runner("lingers", grace_seconds=0.2), make_request())

    assert record.status == "ok"
    assert [flag.code for flag in record.flags] == ["exit"]


def test_preparing_may_take_its_time(make_request: Callable[..., Request]) -> None:
    record = only(runner("well", timeout_seconds=1e-9), make_request(mode="prepare"))

    assert record.status == "ok"


def test_a_second_bench_says_once_that_it_waits(make_request: Callable[..., Request], tmp_path: Path) -> None:
    script = f"""
import sys
from filelock import FileLock
with FileLock({str(tmp_path / "finetune-bench-cpu.lock")!r}, mode=0o666):
    print("held", flush=True)
    sys.stdin.read()
"""
    command = [sys.executable, "-c", script]
    said: list[str] = []
    killed_at: list[datetime] = []

    def kill() -> None:  # the kernel frees what a killed process held
        killed_at.append(datetime.now(UTC))
        other.kill()

    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"

        def hear(text: str) -> None:
            said.append(text)
            threading.Timer(0.7, kill).start()

        record = only(runner("well", on_wait=hear), make_request())

    assert record.status == "ok"
    assert said == ["another bench is measuring on this machine; waiting"]
    assert record.started_at >= killed_at[0]


def test_a_ctrl_c_while_waiting_is_a_row_without_memory(make_request: Callable[..., Request], tmp_path: Path) -> None:
    waiting = runner("well", on_wait=lambda _: signal.raise_signal(signal.SIGINT))

    with (tmp_path / "finetune-bench-cpu.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        record = only(waiting, make_request())

    assert (record.status, record.reason, record.memory) == ("interrupted", "interrupted in start", None)
    assert waiting.interrupted


GPUS = tuple(f"GPU-{digit * 8}-1111-1111-1111-111111111111" for digit in "ab")


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", ",".join(GPUS))


@pytest.mark.usefixtures("two_gpus")
def test_as_many_run_at_once_as_there_are_gpus_and_each_has_its_own(make_request: Callable[..., Request]) -> None:
    used: dict[int, str] = {}
    shown: list[int] = []

    def listen(request: Request, message: Message) -> None:
        if isinstance(message, Stage) and message.name == "load":
            used[request.spec.seed] = message.detail
            shown.append(len(used))

    records = list(runner("naps").run(asked_of(make_request, 3), listen))

    assert {(record.spec.seed, record.status) for record in records} == {(0, "ok"), (1, "ok"), (2, "ok")}
    spans = dict(sorted(zip((record.spec.seed for record in records), spans_of(records), strict=True)))
    together = [
        pair for pair in combinations(spans, 2) if max(spans[it][0] for it in pair) < min(spans[it][1] for it in pair)
    ]
    assert (0, 1) in together
    assert len(together) < 3
    assert all(used[one] != used[other] for one, other in together)
    assert set(used.values()) == set(GPUS)
    assert {record.spec.seed: record.device for record in records} == used


@pytest.mark.usefixtures("two_gpus")
def test_a_ctrl_c_ends_all_that_run_and_begins_no_other(make_request: Callable[..., Request]) -> None:
    napping = runner("naps")
    begun: set[int] = set()

    def interrupt(request: Request, message: Message) -> None:
        if isinstance(message, Stage) and message.name == "train":
            begun.add(request.spec.seed)
            if len(begun) == 2:
                signal.raise_signal(signal.SIGINT)

    requests = asked_of(make_request, 3)
    records = list(napping.run(requests, interrupt))

    assert [(record.status, record.reason) for record in records] == [("interrupted", "interrupted in train")] * 2
    assert napping.interrupted
    assert [request.spec.seed for request in requests] == [2]


def test_on_a_cpu_one_run_at_a_time_is_measured(make_request: Callable[..., Request]) -> None:
    records = list(runner("naps").run(asked_of(make_request, 2, device="cpu")))

    (_, end), (start, _) = spans_of(records)
    assert start >= end
    assert {(record.status, record.device, record.flags) for record in records} == {("ok", "cpu", ())}
    assert {record.host for record in records} == {socket.gethostname()}


def test_several_at_a_time_share_the_machine_and_say_so(make_request: Callable[..., Request]) -> None:
    records = list(runner("naps", concurrent=2).run(asked_of(make_request, 4, device="cpu")))

    pairs = list(combinations(zip(records, spans_of(records), strict=True), 2))
    together = [
        (one, other) for (one, span), (other, span2) in pairs if max(span[0], span2[0]) < min(span[1], span2[1])
    ]
    assert len(together) >= 2
    assert all(one.device != other.device for one, other in together)
    assert {(record.status, record.device) for record in records} == {
        ("ok", "cpu slot 1 of 2"), ("ok", "cpu slot 2 of 2")
    }  # fmt: skip
    assert {flag.code for record in records for flag in record.flags} == {"shared-host"}
    assert not any(is_timed(record.flags) for record in records)


def test_whoever_asks_may_change_what_is_left(make_request: Callable[..., Request]) -> None:
    first, second, third = asked_of(make_request, 3, device="cpu")
    requests = [first, second]
    seeds = []
    for record in runner("well").run(requests):
        seeds.append(record.spec.seed)
        if record.spec == first.spec:
            requests[:] = [third]

    assert seeds == [0, 2]
