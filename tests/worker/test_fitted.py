from __future__ import annotations

from typing import TYPE_CHECKING

from bench.experiment.spec import RunSpec, WorkloadSpec, parse_strategy
from bench.forecasting import here
from bench.worker.fitted import fitted
from bench.workload.data.dataset import load_data

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from bench.protocol import Fitted


def fit(workload: WorkloadSpec, memory_bytes: int | None, patch: pytest.MonkeyPatch, **more: int) -> Fitted:
    """Fit `full` into so much memory; None is that of this machine."""
    if memory_bytes is not None:
        patch.setattr(here.host_memory, "available_bytes", lambda: here.PROCESS_BYTES + memory_bytes)
    spec = RunSpec(strategy=parse_strategy("full"), workload=workload, **more)
    return fitted(spec, load_data(workload))


def test_it_is_at_most_a_batch_or_all_rows_whatever_the_run_was_asked_for(
    workload: WorkloadSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCH_CACHE_DIR", str(tmp_path))
    whole = fit(workload, None, monkeypatch, batch_size=8, micro_batch_size=3)
    assert (whole.num_rows, whole.batch_size) == (8, 8)
    assert fit(workload, None, monkeypatch, batch_size=100).num_rows == 24
    low, high = whole.peak_bytes
    assert 0 < low < high <= whole.memory_bytes


def test_it_fills_what_is_free_and_no_more(
    workload: WorkloadSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCH_CACHE_DIR", str(tmp_path))
    whole = fit(workload, 2**40, monkeypatch, batch_size=8)
    less = fit(workload, whole.peak_bytes[1] - 1, monkeypatch, batch_size=8)
    assert less.num_rows < 8
    assert less.memory_bytes == whole.peak_bytes[1] - 1
    none = fit(workload, 0, monkeypatch, batch_size=8)
    assert none.num_rows == 0
    assert none.peak_bytes[0] > 0
