"""Rank 0's side, with a follower that is a process of its own, and tiny entries."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bench.campaign.executing import only
from bench.errors import BenchError
from bench.executors.followers import leading
from bench.executors.launch import Launch
from bench.protocol import Stage
from tests.executors.conftest import eventually, is_gone, runner
from tests.executors.test_link import free_port
from tests.executors.test_ranks import SECONDS, of_two

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bench.executors.followers import Followers
    from bench.protocol import Message, Request
    from bench.records.record import RunRecord

    MakeRequest = Callable[..., Request]

pytestmark = pytest.mark.usefixtures("_server")

FOLLOWER = """
import sys
from bench.executors import Runner
from bench.executors.follower import follow
from bench.executors.launch import Launch

launch = Launch(1, 2, 1, "localhost", int(sys.argv[1]), has_store=False)
sys.exit(follow(launch, Runner(entry="tiny_entries:by_name", preload=("bench.protocol",), grace_seconds=5)))
"""


def started(port: int, entries: Path) -> subprocess.Popen[bytes]:
    search = os.pathsep.join([str(Path(__file__).parents[2]), str(entries)])
    environ = os.environ | {"PYTHONPATH": search, "CUDA_VISIBLE_DEVICES": ""}
    return subprocess.Popen([sys.executable, "-c", FOLLOWER, str(port)], env=environ)


@pytest.fixture(scope="module")
def led(entries_directory: Path) -> Iterator[tuple[Followers, subprocess.Popen[bytes]]]:
    """A follower, and the way to it; at the end it ends well, and leaves nothing."""
    port = free_port()
    process = started(port, entries_directory)
    try:
        with leading(Launch(0, 2, 0, "localhost", port, has_store=False)) as followers:
            assert followers is not None
            yield followers, process
        assert process.wait(SECONDS) == 0
    finally:
        process.kill()


@pytest.fixture
def run(
    led: tuple[Followers, subprocess.Popen[bytes]], make_request: MakeRequest, tmp_path: Path
) -> Callable[..., tuple[RunRecord, float]]:
    def carry_out(entry: str, on_message: Any = None, **options: Any) -> tuple[RunRecord, float]:
        began = time.monotonic()
        runs = runner("by_name", grace_seconds=5, followers=led[0], **options)
        record = only(runs, of_two(make_request(tmp_path / entry)), on_message or (lambda _: None))
        return record, time.monotonic() - began

    return carry_out


def test_a_follower_starts_its_rank_s_process_and_the_largest_memory_is_the_run_s(
    run: Callable[..., Any],
    tmp_path: Path,
    make_record: Callable[..., RunRecord],
) -> None:
    measured = make_record().measured
    assert measured is not None
    (tmp_path / "shares").write_text(measured.model_dump_json())
    told: list[Message] = []
    record, _ = run("shares", told.append)
    assert record.status == "ok", record.reason
    of_first = measured.memory.training_bytes
    assert of_first is not None
    assert record.measured.ranks.peak_bytes == (of_first, 2 * of_first)
    (first,) = [json.loads(one.detail) for one in told if isinstance(one, Stage)]
    other = json.loads((tmp_path / "rank1").read_text())
    assert first["meeting"] == other["meeting"]
    assert first["meeting"].startswith("tcp://127.0.0.1:"), "both are here"
    assert other["parent"] != first["parent"], "each has its own fork server"


@pytest.mark.parametrize(
    ("entry", "status", "says"),
    [
        ("second_is_killed", "killed", "rank 1 of 2: its process was ended by SIGKILL"),
        ("second_runs_out", "oom", "rank 1 of 2: no room"),
        ("second_exits", "failed", "rank 1 of 2: its process ended with exit code 3"),
        ("second_returns", "failed", "rank 1 of 2: its process ended with exit code 0 and without a last message"),
        ("second_talks_nonsense", "failed", "rank 1 of 2: its process sent what is no message"),
    ],
)
def test_a_lost_process_gives_one_row_with_its_reason_and_the_next_run_goes_on(
    run: Callable[..., Any], tmp_path: Path, entry: str, status: str, says: str
) -> None:
    record, seconds = run(entry)
    assert (record.status, str(record.reason)[: len(says)]) == (status, says)
    assert seconds < SECONDS
    pids = [int(file.read_text()) for file in tmp_path.glob(f"{entry}?")]
    assert len(pids) == 2
    assert eventually(lambda: all(map(is_gone, pids)))
    again, _ = run("hears_nothing_bad")
    assert again.status == "ok", again.reason


@pytest.mark.slow
def test_what_hangs_or_grows_too_large_ends_with_its_peer(run: Callable[..., Any], tmp_path: Path) -> None:
    record, seconds = run("second_hangs", timeout_seconds=1.0)
    assert record.status == "timeout"
    assert seconds < SECONDS
    grown, _ = run("second_hoards", max_memory_bytes=300 << 20)
    assert str(grown.reason).startswith("rank 1 of 2: its process took more than 0.293 GiB")
    pids = [int(file.read_text()) for file in tmp_path.glob("second_*?")]
    assert len(pids) == 4
    assert eventually(lambda: all(map(is_gone, pids)))


def test_a_follower_without_a_device_is_told_before_anything_runs(
    led: tuple[Followers, subprocess.Popen[bytes]], make_request: MakeRequest
) -> None:
    request = of_two(make_request(device="cuda")).model_copy(update={"rank": 1})
    with led[0].meeting(), led[0].start(request) as process:
        assert eventually(lambda: not process.is_running)
        (told,) = [json.loads(message) for message in process.messages()]
    assert told["usage"]
    assert "no usable GPU" in told["reason"]


@pytest.mark.slow
def test_a_follower_that_is_gone_is_the_reason_and_no_other_run_begins(
    make_request: MakeRequest, entries_directory: Path, tmp_path: Path
) -> None:
    port = free_port()
    process = started(port, entries_directory)
    asked = of_two(make_request(tmp_path / "second_hangs"))
    try:
        with leading(Launch(0, 2, 0, "localhost", port, has_store=False)) as followers:

            def kill(message: Message) -> None:
                if isinstance(message, Stage) and message.name == "train":
                    assert eventually((tmp_path / "second_hangs1").exists)
                    process.send_signal(signal.SIGKILL)

            runs = runner("by_name", grace_seconds=5, followers=followers)
            record = only(runs, asked, kill)
            assert record.status == "failed"
            assert "that bench was started in is gone" in str(record.reason)
            assert eventually(lambda: is_gone(int((tmp_path / "second_hangs1").read_text())))
            with pytest.raises(BenchError, match=r"rank 1 of 2 on .* is gone: start all of them again"):
                only(runs, asked)
    finally:
        process.kill()


def test_who_was_started_alone_leads_nobody() -> None:
    with leading(None) as followers:
        assert followers is None
