from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import bench
from bench.api import measure_fit
from bench.executors import InProcessRunner
from bench.forecasting import here
from bench.workload.toy import save_tiny_llama, save_toy_reviews

if TYPE_CHECKING:
    from pathlib import Path

MIB = 2**20


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tiny model, on a machine with room for 51 MiB, in which all runs are of this process."""
    monkeypatch.setenv("BENCH_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("BENCH_LOCK_DIR", str(tmp_path))
    monkeypatch.setattr(measure_fit, "Runner", InProcessRunner)
    monkeypatch.setattr(here.host_memory, "available_bytes", lambda: here.PROCESS_BYTES + 51 * MIB)
    return save_tiny_llama(tmp_path / "model")


@pytest.mark.slow
def test_real_steps_stand_beside_the_forecast(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = bench.fit(["full"], model=model, lengths=8, batch_size=4, device="cpu", measure=True)
    measured = found.measured["full"]
    first, *others = measured.peaks
    assert first == found.rows["full"].num_rows // 2
    assert all(rows <= 2 * found.rows["full"].num_rows for rows in others)
    assert measured.memory_bytes == 51 * MIB
    assert measured.peaks[first]
    assert "dry step of full: ok" in capsys.readouterr().err


@pytest.mark.slow
def test_rows_of_data_are_as_many_as_there_are(model: Path, tmp_path: Path) -> None:
    data = save_toy_reviews(tmp_path / "reviews.csv")
    asked = {"data": str(data), "train_samples": 24, "eval_samples": 12, "batch_size": 4, "device": "cpu"}
    found = bench.fit(["freeze"], model=model, lengths="data", measure=True, progress=False, **asked)
    assert found.rows["freeze"].num_rows > 24
    assert next(iter(found.measured["freeze"].peaks)) == 24


def test_a_device_that_is_not_here_is_refused_before_any_work(model: Path) -> None:
    with pytest.raises(bench.errors.UsageError, match="h100-80gb is not here"):
        bench.fit("full", model=model, device="h100-80gb", measure=True)
