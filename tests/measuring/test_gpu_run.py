"""Whole runs on GPUs that are a stand-in: leased by UUID, and sampled by the parent."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING
from unittest.mock import create_autospec

import pynvml  # type: ignore[import-untyped]
import pytest

from bench.campaign.executing import only
from bench.executors import InProcessRunner, Runner, gpu_monitor
from bench.experiment.spec import RunSpec, Term
from bench.protocol import Finished, Request, Stage
from bench.records.flags import FLAGS
from bench.records.record import RunRecord

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bench.protocol import Message
    from tests.measuring.conftest import FakeNvml

MIB = 2**20
ENTRY = """
import json, os, time
from pathlib import Path
from bench.protocol import Failed, Finished, Request, Stage

def main(connection, request_json):
    def send(message):
        connection.send_bytes(message.model_dump_json().encode())

    request = Request.model_validate_json(request_json)
    detail = json.dumps([request.gpu_uuid, os.environ["CUDA_VISIBLE_DEVICES"]])
    send(Stage(name="train", at=time.monotonic(), detail=detail))
    used = Path(os.environ["FAKE_NVML_USED"])
    for mebibytes in (900, 400):
        used.write_text(str(mebibytes * 2**20))
        time.sleep(0.4)
    if request.save_model:
        send(Finished.model_validate_json(Path(request.save_model).read_text()))
    else:
        send(Failed(status="oom", reason="no room"))
"""


@pytest.fixture
def request_on_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Request:
    (tmp_path / "gpu_entry.py").write_text(ENTRY)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("BENCH_LOCK_DIR", str(tmp_path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return Request(spec=RunSpec(strategy=(Term(name="full"),), device="cuda:1"))


@pytest.fixture
def finished_on_gpu(request_on_gpu: Request, make_record: Callable[..., RunRecord], tmp_path: Path) -> Request:
    """A run that ends well."""
    said = Finished(measured=make_record().measured)
    (tmp_path / "finished.json").write_text(said.model_dump_json())
    return request_on_gpu.model_copy(update={"save_model": str(tmp_path / "finished.json")})


def test_a_run_sees_the_leased_gpu_alone_and_keeps_its_peak_when_it_fails(
    fake_nvml: FakeNvml, request_on_gpu: Request
) -> None:
    fake_nvml.use(150 * MIB)
    messages: list[Message] = []

    with Runner(entry="gpu_entry:main", preload=()) as runner:
        record = only(runner, request_on_gpu, messages.append)

    assert isinstance(messages[0], Stage)
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


def faulty(fake: FakeNvml, monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    """Break the library as a machine may."""
    match fault:
        case "library absent":
            monkeypatch.setattr(pynvml, "nvmlLib", None)
            monkeypatch.setattr(pynvml, "CDLL", create_autospec(pynvml.CDLL, side_effect=OSError))
        case "driver mismatch":
            fake.set(init=18)
        case "binding mismatch":
            error = pynvml.NVMLLibraryMismatchError("old driver")
            monkeypatch.setattr(pynvml, "nvmlInit", create_autospec(pynvml.nvmlInit, side_effect=error))
        case "lost":
            fake.set(lost_after=6)
        case "not supported":
            fake.set(refuse=3)
        case "hung call":
            fake.set(hang_after=6)
        case "hung from the start":
            fake.set(hang_init=1)
        case "slice":
            monkeypatch.setenv("CUDA_VISIBLE_DEVICES", ",".join(it.replace("GPU", "MIG") for it in fake.uuids))


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("library absent", "nvml-unavailable"),
        ("driver mismatch", "nvml-unavailable"),
        ("binding mismatch", "nvml-unavailable"),
        ("lost", "gpu-lost"),
        ("not supported", "nvml-error"),
        ("hung call", "nvml-hung"),
        ("hung from the start", "nvml-hung"),
        ("slice", "mig-slice"),
    ],
)
def test_whatever_ails_the_library_the_run_completes_and_carries_a_flag(
    fake_nvml: FakeNvml,
    finished_on_gpu: Request,
    monkeypatch: pytest.MonkeyPatch,
    fault: str,
    code: str,
) -> None:
    monkeypatch.setattr(gpu_monitor, "JOIN_SECONDS", 0.1)
    monkeypatch.setattr(gpu_monitor, "DRIVER_TIMEOUT_SECONDS", 0.1)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", ",".join(fake_nvml.uuids))  # in full: NVML need not list them
    faulty(fake_nvml, monkeypatch, fault)

    with Runner(entry="gpu_entry:main", preload=()) as runner:
        record = only(runner, finished_on_gpu)

    assert record.status == "ok"
    assert code in [flag.code for flag in record.flags]
    assert code in FLAGS
    assert record.measured is not None
    memory = record.measured.memory
    if code in ("nvml-unavailable", "nvml-error"):
        assert (memory.nvml_used_peak_bytes, record.measured.device) == (None, None)
    assert memory.training_bytes is not None
    assert RunRecord.from_json(record.to_json()) == record


def test_a_finished_run_tells_what_the_gpu_did(fake_nvml: FakeNvml, finished_on_gpu: Request) -> None:
    fake_nvml.run_processes((1, -1))
    fake_nvml.set(reasons=0x40)

    with Runner(entry="gpu_entry:main", preload=()) as runner:
        record = only(runner, finished_on_gpu)

    assert record.measured is not None
    device = record.measured.device
    assert device is not None
    assert device.num_samples >= 1
    assert (device.power_watts, device.temperature_celsius, device.utilisation) == (250, 61, 0.75)
    assert device.throttled_share == 1
    assert (device.num_foreign_before, device.num_foreign_after) == (1, 1)
    assert record.measured.memory.nvml_process_bytes is None
    assert {"throttled", "foreign-process"} <= {flag.code for flag in record.flags}


def test_a_run_in_this_process_sees_the_leased_gpu_too(
    fake_nvml: FakeNvml, request_on_gpu: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", ",".join(fake_nvml.uuids))
    messages: list[Message] = []

    record = only(InProcessRunner(entry="gpu_entry:main"), request_on_gpu, messages.append)

    sys.modules.pop("gpu_entry")
    assert isinstance(messages[0], Stage)
    assert json.loads(messages[0].detail) == [fake_nvml.uuids[1]] * 2
    assert messages[0].at <= time.monotonic()
    assert record.memory is not None
    assert record.memory.nvml_used_peak_bytes == 900 * MIB
