from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from bench.campaign.executing import only
from bench.errors import UsageError
from bench.executors import InProcessRunner
from bench.executors.ranks import num_ranks, request_of, surroundings
from bench.protocol import Stage
from tests.executors.conftest import eventually, is_gone, runner

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bench.protocol import Message, Request
    from bench.records.record import RunRecord

    MakeRequest = Callable[..., Request]

pytestmark = pytest.mark.usefixtures("_server")

SECONDS = 15
"""Within which all is over: far less than what the healthy ranks would wait."""


def of_two(request: Request) -> Request:
    return request.model_copy(update={"spec": request.spec.model_copy(update={"num_processes": 2})})


def run(entry: str, make_request: MakeRequest, argument: object = None, **options: Any) -> tuple[RunRecord, float]:
    began = time.monotonic()
    record = only(runner(entry, grace_seconds=5, **options), of_two(make_request(argument)))
    return record, time.monotonic() - began


def test_what_measures_has_as_many_processes_as_it_asks_for(make_request: MakeRequest) -> None:
    assert num_ranks(make_request()) == 1
    assert [num_ranks(of_two(make_request(mode=mode))) for mode in ("run", "dry", "prepare", "fit")] == [2, 2, 1, 1]


def test_rank_0_alone_forecasts_and_all_go_on_from_checkpoints(make_request: MakeRequest) -> None:
    asked = make_request().model_copy(update={"forecast": True, "checkpoint": "here"})
    first, second = (request_of(asked, rank, "file:///there", f"GPU-{rank}") for rank in range(2))
    assert (first.rank, first.forecast, first.checkpoint, first.gpu_uuid) == (0, True, "here", "GPU-0")
    assert (second.rank, second.forecast, second.checkpoint, second.gpu_uuid) == (1, False, "here", "GPU-1")
    assert first.meeting == second.meeting == "file:///there"


def test_processes_of_one_machine_need_no_card_of_a_network(
    make_request: MakeRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.delenv("GLOO_SOCKET_IFNAME", raising=False)
    monkeypatch.delenv("LOCAL_RANK", raising=False)

    def of(meeting: str | None) -> dict[str, str]:
        return surroundings(make_request().model_copy(update={"meeting": meeting}))

    assert of(None) == of("tcp://node1:29500/run") == {}
    assert of("file:///there") == of("tcp://127.0.0.1:29500/run") == {"GLOO_SOCKET_IFNAME": "lo"}
    monkeypatch.setenv("LOCAL_RANK", "3")
    assert of("tcp://node1:29500/run") == {"LOCAL_RANK": "0"}, "it sees one device"


def test_each_rank_has_its_own_process_and_the_largest_memory_is_the_run_s(
    make_request: MakeRequest, tmp_path: Path, make_record: Callable[..., RunRecord]
) -> None:
    measured = make_record().measured
    assert measured is not None
    (tmp_path / "measured.json").write_text(measured.model_dump_json())
    told: list[Message] = []
    asked = of_two(make_request(tmp_path / "measured.json"))
    record = only(runner("shares"), asked, told.append)
    assert record.status == "ok", record.reason
    assert record.measured is not None
    of_first = measured.memory.training_bytes
    assert of_first is not None
    assert record.measured.ranks is not None
    assert (record.measured.ranks.num, record.measured.ranks.peak_bytes) == (2, (of_first, 2 * of_first))
    assert record.measured.memory.training_bytes == 2 * of_first
    (first,) = [json.loads(one.detail) for one in told if isinstance(one, Stage)]
    other = json.loads((tmp_path / "rank1").read_text())
    assert first["pid"] != other["pid"]
    assert first["meeting"] == other["meeting"]
    assert not first["meeting_was_there"]


@pytest.mark.parametrize(
    ("entry", "status", "says"),
    [
        ("second_is_killed", "killed", "rank 1 of 2: its process was ended by SIGKILL"),
        ("second_runs_out", "oom", "rank 1 of 2: no room"),
        ("second_exits", "failed", "rank 1 of 2: its process ended with exit code 3"),
        ("second_is_refused", "skipped", "rank 1 of 2: no compiler"),
        ("all_are_refused", "skipped", "not cut among devices"),
        ("all_run_out", "oom", "no room"),
        ("second_returns", "failed", "rank 1 of 2: its process ended with exit code 0 and without a last message"),
    ],
)
def test_a_lost_rank_gives_one_row_with_its_reason_in_seconds_and_leaves_no_process(
    make_request: MakeRequest, tmp_path: Path, entry: str, status: str, says: str
) -> None:
    record, seconds = run(entry, make_request, tmp_path / "pids")
    assert (record.status, str(record.reason)[: len(says)]) == (status, says)
    assert seconds < SECONDS
    pids = [int(file.read_text()) for file in tmp_path.glob("pids*")]
    assert len(pids) == 2
    assert eventually(lambda: all(map(is_gone, pids)))
    again, _ = run("hears_nothing_bad", make_request)
    assert again.status == "ok", "the next run goes on"


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ("second_is_killed_keeping", "rank 1 of 2: its process was ended by SIGKILL"),
        ("second_runs_out_keeping", "rank 1 of 2: no room"),
        ("first_cannot_write", "rank 0 of 2: disk"),
        ("both_keep", None),
    ],
)
def test_a_rank_that_is_lost_while_weights_are_kept_costs_them_and_no_number(
    make_request: MakeRequest, tmp_path: Path, entry: str, says: str | None
) -> None:
    asked = of_two(make_request(tmp_path / "pids")).model_copy(update={"save_model": str(tmp_path / "kept")})
    began = time.monotonic()
    record = only(runner(entry, grace_seconds=5), asked)
    assert (record.status, record.reason) == ("ok", None)
    messages = [flag.message for flag in record.flags if flag.code == "not-saved"]
    assert [one.startswith(f"the trained weights are not kept: {says}") for one in messages] == [True] * bool(says)
    assert time.monotonic() - began < SECONDS
    assert eventually(lambda: all(is_gone(int(file.read_text())) for file in tmp_path.glob("pids*")))


def test_a_rank_that_hangs_ends_with_the_time_of_the_run(make_request: MakeRequest, tmp_path: Path) -> None:
    record, seconds = run("second_hangs", make_request, tmp_path / "pids", timeout_seconds=1.0)
    assert record.status == "timeout"
    assert record.reason == "still in train after 1 s, the limit of a run"
    assert seconds < SECONDS
    pids = [int(file.read_text()) for file in tmp_path.glob("pids*")]
    assert len(pids) == 2
    assert eventually(lambda: all(map(is_gone, pids)))


def test_a_rank_that_grows_too_large_ends_the_run(make_request: MakeRequest, tmp_path: Path) -> None:
    record, _ = run("second_hoards", make_request, tmp_path / "pids", max_memory_bytes=300 << 20)
    assert record.status == "oom"
    assert str(record.reason).startswith("rank 1 of 2: its process took more than 0.293 GiB")


def test_a_debugger_sees_one_process(make_request: MakeRequest) -> None:
    with pytest.raises(UsageError, match="--in-process runs in one process: leave --nproc out"):
        only(InProcessRunner(entry="tiny_entries:well"), of_two(make_request()))
