from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from bench.executors.far import FarRun
from bench.executors.node import Job, Node, Terms
from bench.protocol import Planned, Progress, Stage
from tests.executors.conftest import eventually, is_gone

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.protocol import Message, Request
    from bench.records.record import RunRecord


def terms(entry: str, **more: object) -> Terms:
    given = {"directory": str(Path.cwd()), "entry": f"tiny_entries:{entry}", "preload": ("bench.protocol",)}
    return Terms.model_validate(given | more)


def carried_out(node: Node, request: Request) -> tuple[RunRecord, list[Message]]:
    lines: list[str] = []
    node.carry_out(request, lines.append)
    messages: list[Message] = []
    far = FarRun(request, lambda _, message: messages.append(message))
    *said, last = lines
    assert [far.hear(line) for line in said] == [None] * len(said)
    record = far.hear(last)
    assert record is not None
    return record, messages


def test_a_record_and_what_a_run_says_come_back_as_lines_and_progress_seldom(
    make_request: Callable[..., Request],
) -> None:
    with Node(terms("well")) as node:
        record, messages = carried_out(node, make_request())
    assert (record.status, record.spec) == ("ok", make_request().spec)
    assert (record.host, record.device) == (socket.gethostname(), "cpu")
    assert [type(message) for message in messages] == [Stage, Planned, Stage, Progress]


def test_what_a_run_needs_is_prepared_once_on_a_node_and_where_that_fails_its_row_says_so(
    make_request: Callable[..., Request], tmp_path: Path
) -> None:
    with Node(terms("counts_what_it_prepares")) as node:
        for _ in range(3):
            record, _ = carried_out(node, make_request(tmp_path / "modes"))
            assert record.status == "ok"
    assert (tmp_path / "modes").read_text().split() == ["run", "run", "run"]
    assert (tmp_path / "prepared").read_text().split() == ["prepare"]
    with Node(terms("prepares_nothing")) as node:
        record, _ = carried_out(node, make_request())
    assert (record.status, record.phase) == ("failed", "prepare: fetch")
    assert record.reason == f"on {socket.gethostname()}: no model here"


def test_where_results_are_not_shared_a_run_neither_stores_nor_goes_on(
    make_request: Callable[..., Request], tmp_path: Path
) -> None:
    def seen(request: Request) -> dict[str, str | None]:
        with Node(terms("tells_request")) as node:
            _, messages = carried_out(node, request)
        (stage,) = (message for message in messages if isinstance(message, Stage))
        told: dict[str, str | None] = json.loads(stage.detail)
        return told

    (tmp_path / "shelf").mkdir()
    request = make_request().model_copy(update={"shelf": str(tmp_path / "shelf"), "checkpoint": str(tmp_path / "x.pt")})
    assert seen(request) == {"shelf": request.shelf, "checkpoint": request.checkpoint}
    (tmp_path / "shelf").rmdir()
    assert seen(request) == {"shelf": None, "checkpoint": None}
    lines: list[str] = []
    with Node(terms("well")) as node:
        node.carry_out(request.model_copy(update={"save_model": "models/x"}), lines.append)
    assert lines == [f"refused --save-model: the results directory is not there on {socket.gethostname()}"]


def test_a_wrong_request_is_refused(make_request: Callable[..., Request]) -> None:
    lines: list[str] = []
    with Node(terms("usage")) as node:
        node.carry_out(make_request(mode="prepare"), lines.append)
    assert lines[-1] == "refused UsageError: no column 'x'"


def test_what_is_wrong_on_a_node_alone_is_a_row(make_request: Callable[..., Request]) -> None:
    with Node(terms("usage")) as node:
        record, _ = carried_out(node, make_request())
    assert (record.status, record.phase) == ("failed", "prepare: fetch")
    assert record.reason == f"on {socket.gethostname()}: UsageError: no column 'x'"


def command(job: Path) -> list[str]:
    return [sys.executable, "-P", "-m", "bench.executors.node", str(job), str(job.with_suffix(".lines"))]


@pytest.fixture
def environ(entries_directory: Path) -> dict[str, str]:
    """Of a process that finds the entries."""
    return os.environ | {"PYTHONPATH": os.pathsep.join([str(entries_directory), *map(os.path.abspath, sys.path)])}


def test_the_command_reads_a_job_and_writes_lines(
    make_request: Callable[..., Request], tmp_path: Path, environ: dict[str, str]
) -> None:
    (tmp_path / "job").write_text(Job(terms=terms("well"), request=make_request()).model_dump_json())
    subprocess.run(command(tmp_path / "job"), env=environ, check=True)
    kinds = [line.partition(" ")[0] for line in (tmp_path / "job.lines").read_text().splitlines()]
    assert kinds == ["message"] * 4 + ["record"]


def test_a_node_ends_with_whoever_started_it_and_with_it_its_run(
    make_request: Callable[..., Request], tmp_path: Path, environ: dict[str, str]
) -> None:
    request = make_request(tmp_path / "pids")
    (tmp_path / "job").write_text(Job(terms=terms("hangs_in_a_run"), request=request).model_dump_json())
    script = f"import subprocess, sys; subprocess.run({command(tmp_path / 'job')!r})"
    with subprocess.Popen([sys.executable, "-c", script], env=environ) as starter:
        assert eventually((tmp_path / "pids").exists)
        (node,) = psutil.Process(starter.pid).children()
        starter.kill()
    assert eventually(lambda: is_gone(node.pid))
    assert eventually(lambda: all(map(is_gone, json.loads((tmp_path / "pids").read_text()))))
