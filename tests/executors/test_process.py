from __future__ import annotations

import json
import signal
import threading
from typing import TYPE_CHECKING

import pytest

from bench.campaign.executing import only
from bench.errors import BenchError
from bench.executors import Runner
from bench.protocol import Stage
from tests.executors.conftest import eventually, is_gone, runner

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bench.protocol import Message, Request

pytestmark = pytest.mark.usefixtures("_server")


MIB = 2**20


def interrupt_in_training(message: Message) -> None:
    if isinstance(message, Stage) and message.name == "train":
        signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("name", ["SIGKILL", "SIGSEGV", "SIGRTMIN+3"])
def test_a_killed_run_is_a_row_with_the_signal_and_the_memory_so_far(
    make_request: Callable[..., Request], name: str
) -> None:
    number = signal.SIGRTMIN + 3 if name == "SIGRTMIN+3" else signal.Signals[name]

    record = only(runner("signals"), make_request(int(number)))

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
    record = only(runner(entry), make_request())

    assert record.status == "failed"
    assert record.reason == f"its process ended with exit code {code} and without a last message"


def test_a_run_whose_fork_server_is_killed_says_so_and_the_next_has_another(
    make_request: Callable[..., Request],
) -> None:
    record = only(runner("loses_its_server"), make_request())
    assert record.status == "killed"
    assert str(record.reason).startswith("the fork server that started its process was ended by SIGKILL")
    assert only(runner("well"), make_request()).status == "ok"


def test_a_run_past_the_limit_is_ended_with_all_that_it_started(
    make_request: Callable[..., Request], tmp_path: Path
) -> None:
    record = only(runner("hangs", timeout_seconds=3, grace_seconds=0.2), make_request(tmp_path / "pids"))

    assert (record.status, record.phase) == ("timeout", "train")
    assert record.reason == "still in train after 3 s, the limit of a run"
    run, helper, _ = json.loads((tmp_path / "pids").read_text())
    assert eventually(lambda: is_gone(run) and is_gone(helper))


def test_a_run_beyond_the_memory_that_it_may_take_is_ended_with_all_that_it_started(
    make_request: Callable[..., Request], tmp_path: Path
) -> None:
    hungry = runner("hoards", max_memory_bytes=256 * MIB, grace_seconds=0.2)
    record = only(hungry, make_request(tmp_path / "pids"))

    assert (record.status, record.phase) == ("oom", "train")
    assert record.reason == "its process took more than 0.25 GiB, the limit of a run (--max-memory)"
    assert record.memory is not None
    assert record.memory.host_peak_bytes is not None
    assert record.memory.host_peak_bytes > 256 * MIB
    run, helper, _ = json.loads((tmp_path / "pids").read_text())
    assert eventually(lambda: is_gone(run) and is_gone(helper))
    assert only(hungry, make_request(tmp_path / "pids")).status == "oom", "the next run begins"


def test_a_ctrl_c_ends_the_run_and_is_a_row(make_request: Callable[..., Request], tmp_path: Path) -> None:
    hanging = runner("hangs", grace_seconds=0.2)

    record = only(hanging, make_request(tmp_path / "pids"), interrupt_in_training)

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
        if isinstance(message, Stage) and message.name == "train":
            threading.Timer(0.5, signal.pthread_kill, (main, signal.SIGINT)).start()
            signal.raise_signal(signal.SIGINT)

    record = only(runner("hangs", grace_seconds=600), make_request(tmp_path / "pids"), twice)

    assert record.status == "interrupted"
    assert record.wall_seconds < 60


def test_a_fork_server_that_cannot_import_is_said_in_one_line(
    make_request: Callable[..., Request], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_preload.py").write_text("raise SystemExit(5)")
    monkeypatch.syspath_prepend(tmp_path)

    with (
        Runner(entry="tiny_entries:well", preload=("broken_preload",)) as broken,
        pytest.raises(BenchError, match="fork server ended"),
    ):
        only(broken, make_request())
