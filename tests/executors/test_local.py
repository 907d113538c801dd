from __future__ import annotations

import fcntl
import json
import mmap
import os
import platform
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from bench.errors import BenchError, UsageError
from bench.executors import Runner
from bench.protocol import Failed, Finished, Phase, Planned, Progress
from bench.records.record import Environment, Flag

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bench.protocol import Message, Request
    from bench.records.record import RunRecord

pytestmark = pytest.mark.usefixtures("_server")

MIB = 2**20


def runner(entry: str, **options: Any) -> Runner:
    return Runner(entry=f"tiny_entries:{entry}", **options)


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


def interrupt_in_training(message: Message) -> None:
    if isinstance(message, Phase) and message.name == "train":
        signal.raise_signal(signal.SIGINT)


def test_a_run_that_ends_well_is_a_record_of_all_it_said(
    make_request: Callable[..., Request], make_record: Callable[..., RunRecord], tmp_path: Path
) -> None:
    made = make_record()
    flag, environment = Flag(code="x", message="y"), made.environment
    assert isinstance(environment, Environment)
    said = Finished(measured=made.measured, flags=(flag,), environment=environment)
    (tmp_path / "finished.json").write_text(said.model_dump_json())
    messages: list[Message] = []
    request, before = make_request(tmp_path / "finished.json"), datetime.now(UTC)

    record = runner("well").run(request, messages.append)

    assert record.status == "ok"
    assert record.spec == request.spec
    assert (record.reason, record.phase, record.memory, record.traceback) == (None, None, None, None)
    assert (record.measured, record.flags, record.environment) == (made.measured, (flag,), environment)
    assert record.changes == {"phases": "all"}
    assert before <= record.started_at <= datetime.now(UTC)
    assert record.wall_seconds > 0
    assert [type(message) for message in messages] == [Phase, Planned, Phase, Progress, Progress, Finished]
    assert [message.done for message in messages if isinstance(message, Progress)] == [1, 2]


def test_a_run_has_its_own_group_no_gpu_and_leaves_stdout_alone(
    make_request: Callable[..., Request], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "true")
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    messages: list[Message] = []

    with runner("tells_surroundings", preload=()) as fresh:
        assert fresh.run(make_request(), messages.append).status == "ok"

    assert isinstance(messages[0], Phase)
    here = json.loads(messages[0].detail)
    assert here["group"]
    assert here["gpu"] is None
    assert here["environ"]["CUDA_VISIBLE_DEVICES"] == ""
    assert here["environ"]["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"
    assert here["environ"]["OMP_WAIT_POLICY"] == "PASSIVE"
    assert here["environ"]["MALLOC_TRIM_THRESHOLD_"] == "-1"
    assert here["environ"]["TOKENIZERS_PARALLELISM"] == "true"
    assert "OMP_WAIT_POLICY" not in os.environ
    printed = capfd.readouterr()
    assert (printed.out, printed.err) == ("", "printed by a library\n")


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries have other ways")
def test_memory_that_a_run_has_freed_is_its_own_until_the_next_phase(make_request: Callable[..., Request]) -> None:
    messages: list[Message] = []

    assert runner("takes_memory_again").run(make_request(), messages.append).status == "ok"

    assert isinstance(messages[0], Phase)
    found = json.loads(messages[0].detail)
    first, again = (after - before for before, after in pairwise(found["marks"]))
    assert first > 60 * MIB // mmap.PAGESIZE > 100 * again
    assert found["released"] > 60 * MIB


def test_an_exception_is_a_failed_row_with_its_traceback(make_request: Callable[..., Request]) -> None:
    record = runner("raises").run(make_request())

    assert (record.status, record.reason, record.phase) == ("failed", "RuntimeError: boom", "train")
    assert record.traceback is not None
    assert "in raises" in record.traceback
    assert record.changes == {"phases": "all"}


def test_what_a_run_says_of_its_own_failure_stands(make_request: Callable[..., Request]) -> None:
    record = runner("fails").run(make_request())

    assert (record.status, record.reason) == ("oom", "no room")
    assert record.memory is not None
    assert record.memory.host_peak_bytes == 7


def test_a_wrong_request_is_raised(make_request: Callable[..., Request]) -> None:
    with pytest.raises(UsageError, match="no column 'x'"):
        runner("usage").run(make_request())


def test_an_entry_that_does_not_exist_is_a_failed_row(make_request: Callable[..., Request]) -> None:
    record = Runner(entry="no_such_module:main").run(make_request())

    assert record.status == "failed"
    assert record.reason == "ModuleNotFoundError: No module named 'no_such_module'"


@pytest.mark.parametrize("name", ["SIGKILL", "SIGSEGV", "SIGRTMIN+3"])
def test_a_killed_run_is_a_row_with_the_signal_and_the_memory_so_far(
    make_request: Callable[..., Request], name: str
) -> None:
    number = signal.SIGRTMIN + 3 if name == "SIGRTMIN+3" else signal.Signals[name]

    record = runner("signals").run(make_request(int(number)))

    assert (record.status, record.phase, record.measured) == ("killed", "train", None)
    assert record.reason is not None
    assert (f"signal {int(number)}" if name == "SIGRTMIN+3" else name) in record.reason
    assert record.memory is not None
    assert record.memory.host_peak_bytes is not None
    assert record.memory.host_peak_bytes > 5 * MIB
    assert record.memory.method == "kernel-hwm"


@pytest.mark.parametrize(("entry", "code"), [("exits", 3), ("returns", 0), ("closes", 0)])
def test_a_run_that_ends_without_a_last_message_failed(
    make_request: Callable[..., Request], entry: str, code: int
) -> None:
    record = runner(entry).run(make_request())

    assert record.status == "failed"
    assert record.reason == f"its process ended with exit code {code} and without a last message"


def test_a_run_that_talks_nonsense_is_ended(make_request: Callable[..., Request]) -> None:
    record = runner("talks_nonsense", grace_seconds=0.2).run(make_request())

    assert record.status == "failed"
    assert record.reason is not None
    assert record.reason.startswith("its process sent what is no message")


def test_a_finished_run_that_does_not_end_by_itself_is_ok_with_a_doubt(make_request: Callable[..., Request]) -> None:
    record = runner("lingers", grace_seconds=0.2).run(make_request())

    assert record.status == "ok"
    assert [flag.code for flag in record.flags] == ["exit"]


def test_a_run_past_the_limit_is_ended_with_all_that_it_started(
    make_request: Callable[..., Request], tmp_path: Path
) -> None:
    record = runner("hangs", timeout_seconds=3, grace_seconds=0.2).run(make_request(tmp_path / "pids"))

    assert (record.status, record.phase) == ("timeout", "train")
    assert record.reason == "still in train after 3 s, the limit of a run"
    run, helper, _ = json.loads((tmp_path / "pids").read_text())
    assert eventually(lambda: is_gone(run) and is_gone(helper))


def test_preparing_may_take_its_time(make_request: Callable[..., Request]) -> None:
    record = runner("well", timeout_seconds=1e-9).run(make_request(mode="prepare"))

    assert record.status == "ok"


def test_a_ctrl_c_ends_the_run_and_is_a_row(make_request: Callable[..., Request], tmp_path: Path) -> None:
    hanging = runner("hangs", grace_seconds=0.2)

    record = hanging.run(make_request(tmp_path / "pids"), interrupt_in_training)

    assert (record.status, record.reason, record.phase) == ("interrupted", "interrupted in train", "train")
    assert hanging.interrupted
    run, helper, _ = json.loads((tmp_path / "pids").read_text())
    assert eventually(lambda: is_gone(run) and is_gone(helper))


def test_a_second_ctrl_c_does_not_wait_for_the_run_to_end_by_itself(
    make_request: Callable[..., Request], tmp_path: Path
) -> None:
    main = threading.main_thread().ident
    assert main is not None

    def twice(message: Message) -> None:
        if isinstance(message, Phase) and message.name == "train":
            threading.Timer(0.5, signal.pthread_kill, (main, signal.SIGINT)).start()
            signal.raise_signal(signal.SIGINT)

    record = runner("hangs", grace_seconds=600).run(make_request(tmp_path / "pids"), twice)

    assert record.status == "interrupted"
    assert record.wall_seconds < 60


def test_no_run_outlives_its_parent_however_that_dies(entries_directory: Path, tmp_path: Path) -> None:
    script = f"""
import sys
sys.path.insert(0, {str(entries_directory)!r})
from bench.protocol import Request
from bench.executors import Runner
from bench.experiment.spec import RunSpec, Term
with Runner(entry="tiny_entries:hangs", preload=()) as runner:
    runner.run(Request(spec=RunSpec(strategy=(Term(name="full"),)), save_model={str(tmp_path / "pids")!r}))
"""
    with subprocess.Popen([sys.executable, "-c", script]) as parent:
        assert eventually((tmp_path / "pids").exists)
        parent.kill()

    assert eventually(lambda: all(map(is_gone, json.loads((tmp_path / "pids").read_text()))))


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

        record = runner("well", on_wait=hear).run(make_request())

    assert record.status == "ok"
    assert said == ["another bench is measuring on this machine; waiting"]
    assert record.started_at >= killed_at[0]


def test_a_ctrl_c_while_waiting_is_a_row_without_memory(make_request: Callable[..., Request], tmp_path: Path) -> None:
    waiting = runner("well", on_wait=lambda _: signal.raise_signal(signal.SIGINT))

    with (tmp_path / "finetune-bench-cpu.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        record = waiting.run(make_request())

    assert (record.status, record.reason, record.memory) == ("interrupted", "interrupted in start", None)
    assert waiting.interrupted


def test_a_fork_server_that_cannot_import_is_said_in_one_line(
    make_request: Callable[..., Request], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_preload.py").write_text("raise SystemExit(5)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    with (
        Runner(entry="tiny_entries:well", preload=("broken_preload",)) as broken,
        pytest.raises(BenchError, match="fork server ended"),
    ):
        broken.run(make_request())


def test_the_message_of_a_failure_is_heard_too(make_request: Callable[..., Request]) -> None:
    messages: list[Message] = []

    runner("raises").run(make_request(), messages.append)

    assert isinstance(messages[-1], Failed)
