"""What a comparison knows of its strategies before they run, in the records of all their seeds."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

import bench
from bench.forecasting import here
from bench.records.store import Store
from bench.workload.toy import save_tiny_llama, save_toy_reviews

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Two seeds of a strategy on a tiny model, in this process."""
    monkeypatch.setenv("BENCH_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("BENCH_LOCK_DIR", str(tmp_path))
    model, data = save_tiny_llama(tmp_path / "tiny", num_layers=2), save_toy_reviews(tmp_path / "reviews.csv")
    quickly = {"steps": 1, "device": "cpu", "in_process": True, "progress": False}
    return {"model": model, "data": data, "seeds": 2, "out": tmp_path / "out", **quickly}


def test_a_forecast_stands_in_the_record_of_every_seed(asked: dict[str, Any]) -> None:
    bench.compare(["freeze"], **asked)
    first, second = Store(asked["out"]).read_all()
    assert first.forecast is not None
    assert first.forecast == second.forecast
    assert first.measured is not None
    assert first.forecast.num_trainable_params == first.measured.num_trainable_params
    assert first.why_no_forecast is None


def test_without_a_forecast_there_is_none(asked: dict[str, Any]) -> None:
    bench.compare(["freeze"], **asked, forecast=False)
    assert [(record.status, record.forecast) for record in Store(asked["out"]).read_all()] == [("ok", None)] * 2


def test_what_cannot_fit_is_a_row_of_every_seed_with_the_reason_and_runs_where_forced(
    asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(here, "psutil", SimpleNamespace(virtual_memory=lambda: SimpleNamespace(total=1024)))
    bench.compare(["freeze"], **asked)
    for record in Store(asked["out"]).read_all():
        assert record.status == "skipped"
        assert record.phase == "dry: fetch"
        assert record.reason is not None
        assert record.reason.endswith("--force runs it all the same")
        assert record.forecast is not None
    bench.compare(["freeze"], **asked, resume=True, force=True)
    assert {record.status for record in Store(asked["out"]).read_all()} == {"ok"}
