"""Whole commands on a real GPU; `pytest -m gpu` runs them, and elsewhere a stand-in for NVML does (tests/measuring)."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import torch

from bench.campaign.executing import only
from bench.executors import Runner
from bench.experiment.spec import RunSpec, WorkloadSpec, parse_strategy
from bench.protocol import Request
from bench.records.store import Store
from bench.training.forward.packed import GRAIN
from bench.workload.toy import save_tiny_llama, save_toy_reviews

if TYPE_CHECKING:
    from pathlib import Path

    from bench.records.record import RunRecord

pytestmark = [pytest.mark.gpu, pytest.mark.timeout(600)]

STRATEGIES = ("full", "freeze", "freeze:last=2+cached", "checkpoint", "amp", "amp:dtype=fp16", "amp+compile")
HOARD_MIB = 1 << 22


@pytest.fixture(autouse=True)
def _own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("BENCH_LOCK_DIR", str(tmp_path))


@pytest.fixture
def workload(tmp_path: Path) -> WorkloadSpec:
    """A tiny Llama whose heads are of a size that GPUs have kernels for, and toy reviews."""
    model = save_tiny_llama(tmp_path / "tiny", width=64)
    data = save_toy_reviews(tmp_path / "reviews.csv", num_rows=200, num_words=(1, 40))
    return WorkloadSpec(model=str(model), dataset=str(data), train_samples=128, eval_samples=32)


def test_a_comparison_on_a_gpu_measures_what_it_promises(workload: WorkloadSpec, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-m", "bench", "compare", "--strategies", ",".join(STRATEGIES), "--device", "cuda"]
    command += ["--model", workload.model, "--dataset", workload.dataset, "--train-samples", "128"]
    command += ["--eval-samples", "32", "--lr", "1e-4", "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    records = {record.spec.name: record for record in Store(out).read_all()}
    assert set(records) == set(STRATEGIES)
    for record in records.values():
        assert_measured_on_gpu(record)
    dtypes = {name: record.measured and record.measured.compute_dtype for name, record in records.items()}
    half = "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float16"
    assert dtypes == dict.fromkeys(STRATEGIES, "float32") | {
        "amp": half,
        "amp:dtype=fp16": "float16",
        "amp+compile": half,
    }
    wanted = records["full"].measured
    assert wanted is not None
    for name, tolerance in {"checkpoint": 1e-4, "amp": 2e-2, "amp:dtype=fp16": 2e-2, "amp+compile": 2e-2}.items():
        found = records[name].measured
        assert found is not None
        if not found.num_skipped_steps:  # the scale of fp16 may begin too high, and a step is lost
            assert found.losses == pytest.approx(wanted.losses, rel=tolerance), name


def assert_measured_on_gpu(record: RunRecord) -> None:
    """Hold what was measured of one run against what cannot be otherwise."""
    assert record.environment is not None
    assert record.environment.device_name == torch.cuda.get_device_name()
    measured = record.measured
    assert measured is not None, record.reason
    memory = measured.memory
    assert memory.method in {"nvml-v2", "nvml-v1"}
    assert memory.torch_baseline_bytes is not None
    assert memory.torch_allocated_peak_bytes is not None
    assert memory.torch_reserved_peak_bytes is not None
    assert memory.nvml_delta_bytes is not None
    assert 0 < memory.torch_baseline_bytes < memory.torch_allocated_peak_bytes <= memory.torch_reserved_peak_bytes
    # What the driver holds for the process stands above what torch's allocator took of it.
    assert memory.torch_reserved_peak_bytes <= memory.nvml_delta_bytes
    assert memory.training_bytes == memory.nvml_delta_bytes
    assert sum(measured.step_seconds) <= measured.train_seconds
    assert 0 <= measured.num_padded_tokens - measured.num_tokens < GRAIN * measured.num_steps
    assert {flag.code for flag in record.flags}.isdisjoint({"not-packed", "nvml-unavailable", "nvml-error"})


def test_a_run_out_of_memory_keeps_its_peak_and_the_next_one_works(workload: WorkloadSpec) -> None:
    def ask(strategy: str) -> Request:
        spec = RunSpec(strategy=parse_strategy(strategy), workload=workload, steps=4, evaluations=1, device="cuda")
        return Request(spec=spec)

    with Runner(entry="bench.doctor.known_strategies:main") as runner:
        failed, worked = (only(runner, ask(f"freeze{more}")) for more in (f"+hoarding:train={HOARD_MIB}", ""))
    assert (failed.status, worked.status) == ("oom", "ok")
    assert failed.memory is not None
    assert failed.memory.torch_reserved_peak_bytes is not None
    assert failed.memory.nvml_delta_bytes is not None


def test_every_instrument_agrees_with_what_is_known(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bench", "doctor", "--device", "cuda"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
