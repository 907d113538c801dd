"""Whole runs on GPUs that are a stand-in: leased by UUID, and sampled by the parent."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING

import pytest

from bench.protocol import Phase, Request
from bench.runner import InProcessRunner, Runner
from bench.spec import RunSpec, Term

if TYPE_CHECKING:
    from pathlib import Path

    from bench.protocol import Message
    from tests.probes.conftest import FakeNvml

MIB = 2**20
ENTRY = """
import json, os, time
from pathlib import Path
from bench.protocol import Failed, Phase, Request

def main(connection, request_json):
    def send(message):
        connection.send_bytes(message.model_dump_json().encode())

    request = Request.model_validate_json(request_json)
    detail = json.dumps([request.gpu_uuid, os.environ["CUDA_VISIBLE_DEVICES"]])
    send(Phase(name="train", at=time.monotonic(), detail=detail))
    used = Path(os.environ["FAKE_NVML_USED"])
    for mebibytes in (900, 400):
        used.write_text(str(mebibytes * 2**20))
        time.sleep(0.3)
    send(Failed(status="oom", reason="no room"))
"""


@pytest.fixture
def request_on_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Request:
    (tmp_path / "gpu_entry.py").write_text(ENTRY)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("BENCH_LOCK_DIR", str(tmp_path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return Request(spec=RunSpec(strategy=(Term(name="full"),), device="cuda:1"))


def test_a_run_sees_the_leased_gpu_alone_and_keeps_its_peak_when_it_fails(
    fake_nvml: FakeNvml, request_on_gpu: Request
) -> None:
    fake_nvml.use(150 * MIB)
    messages: list[Message] = []

    with Runner(entry="gpu_entry:main", preload=()) as runner:
        record = runner.run(request_on_gpu, messages.append)

    assert isinstance(messages[0], Phase)
    assert json.loads(messages[0].detail) == [fake_nvml.uuids[1]] * 2
    assert (record.status, record.flags) == ("oom", ())
    memory = record.memory
    assert memory is not None
    assert memory.nvml_used_peak_bytes == 900 * MIB
    assert memory.nvml_baseline_bytes == 150 * MIB
    assert memory.nvml_delta_bytes == 750 * MIB
    assert memory.nvml_reserved_bytes == fake_nvml.reserved_bytes
    assert memory.method == "nvml-v2"
    assert memory.host_peak_bytes is not None


def test_a_gpu_lost_in_the_run_is_a_flag(fake_nvml: FakeNvml, request_on_gpu: Request) -> None:
    fake_nvml.set(lost_after=6)

    with Runner(entry="gpu_entry:main", preload=()) as runner:
        record = runner.run(request_on_gpu)

    assert record.status == "oom"
    assert [flag.code for flag in record.flags] == ["nvml"]


def test_a_run_in_this_process_sees_the_leased_gpu_too(
    fake_nvml: FakeNvml, request_on_gpu: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", ",".join(fake_nvml.uuids))
    messages: list[Message] = []

    record = InProcessRunner(entry="gpu_entry:main").run(request_on_gpu, messages.append)

    sys.modules.pop("gpu_entry")
    assert isinstance(messages[0], Phase)
    assert json.loads(messages[0].detail) == [fake_nvml.uuids[1]] * 2
    assert messages[0].at <= time.monotonic()
    assert record.memory is not None
    assert record.memory.nvml_used_peak_bytes == 900 * MIB
