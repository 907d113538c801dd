from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from bench.campaign.executing import only
from bench.errors import UsageError
from bench.executors import Runner
from bench.protocol import Failed, Stage
from tests.executors.conftest import eventually, is_gone, runner

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bench.protocol import Message, Request

pytestmark = pytest.mark.usefixtures("_server")


def test_a_run_has_its_own_group_no_gpu_and_leaves_stdout_alone(
    make_request: Callable[..., Request], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "true")
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    messages: list[Message] = []

    with runner("tells_surroundings", preload=()) as fresh:
        assert only(fresh, make_request(), messages.append).status == "ok"

    assert isinstance(messages[0], Stage)
    here = json.loads(messages[0].detail)
    assert here["group"]
    assert here["gpu"] is None
    assert here["environ"]["CUDA_VISIBLE_DEVICES"] == ""
    assert here["environ"]["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"
    assert here["environ"]["OMP_WAIT_POLICY"] == "PASSIVE"
    assert here["environ"]["MALLOC_TRIM_THRESHOLD_"] == "-1"
    assert here["environ"]["TOKENIZERS_PARALLELISM"] == "true"
    assert not here["environ"]["PYTHONPATH"]
    assert not {"OMP_WAIT_POLICY", "PYTHONPATH", "PYTHONSAFEPATH"} & os.environ.keys()
    printed = capfd.readouterr()
    assert (printed.out, printed.err) == ("", "printed by a library\n")


def test_an_exception_is_a_failed_row_with_its_traceback(make_request: Callable[..., Request]) -> None:
    record = only(runner("raises"), make_request())

    assert (record.status, record.reason, record.phase) == ("failed", "RuntimeError: boom", "train")
    assert record.traceback is not None
    assert "in raises" in record.traceback
    assert record.changes == {"phases": "all"}


def test_a_wrong_request_is_raised(make_request: Callable[..., Request]) -> None:
    with pytest.raises(UsageError, match="no column 'x'"):
        only(runner("usage"), make_request())


def test_an_entry_that_does_not_exist_is_a_failed_row(make_request: Callable[..., Request]) -> None:
    record = only(Runner(entry="no_such_module:main"), make_request())

    assert record.status == "failed"
    assert record.reason == "ModuleNotFoundError: No module named 'no_such_module'"


def test_the_message_of_a_failure_is_heard_too(make_request: Callable[..., Request]) -> None:
    messages: list[Message] = []

    only(runner("raises"), make_request(), messages.append)

    assert isinstance(messages[-1], Failed)


def test_no_run_outlives_its_parent_however_that_dies(entries_directory: Path, tmp_path: Path) -> None:
    script = f"""
import sys
sys.path.insert(0, {str(entries_directory)!r})
from bench.campaign.executing import only
from bench.protocol import Request
from bench.executors import Runner
from bench.experiment.spec import RunSpec, Term
with Runner(entry="tiny_entries:hangs", preload=()) as runner:
    only(runner, Request(spec=RunSpec(strategy=(Term(name="full"),)), save_model={str(tmp_path / "pids")!r}))
"""
    with subprocess.Popen([sys.executable, "-c", script]) as parent:
        assert eventually((tmp_path / "pids").exists)
        parent.kill()

    assert eventually(lambda: all(map(is_gone, json.loads((tmp_path / "pids").read_text()))))
