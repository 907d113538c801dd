from __future__ import annotations

from typing import TYPE_CHECKING

from bench.experiment.spec import RunSpec, WorkloadSpec, parse_strategy
from bench.forecasting import here
from bench.worker.fitted import fitted
from bench.workload.data.dataset import load_data
from bench.workload.toy import save_toy_reviews
from tests.one_layer import save_one_layer

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


def test_it_is_at_most_a_batch_of_what_is_free_whatever_the_run_was_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCH_CACHE_DIR", str(tmp_path / "cache"))
    model, reviews = save_one_layer(tmp_path / "model"), save_toy_reviews(tmp_path / "reviews.csv")
    workload = WorkloadSpec(model=str(model), dataset=str(reviews), train_samples=24, eval_samples=12)
    whole = fit(workload, None, monkeypatch, batch_size=100, micro_batch_size=3)
    assert (whole.num_rows, whole.batch_size) == (24, 24)
    low, high = whole.peak_bytes
    assert 0 < low < high <= whole.memory_bytes
    part = fit(workload, None, monkeypatch, batch_size=9, num_processes=2)
    assert (part.num_rows, part.batch_size, part.num_processes) == (5, 5, 2)
    assert part.memory_bytes <= whole.memory_bytes / 2
    none = fit(workload, 7, monkeypatch, batch_size=8)
    assert (none.num_rows, none.batch_size, none.memory_bytes) == (0, 8, 7)
    assert none.peak_bytes[0] > 0
