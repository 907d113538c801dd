"""What a comparison knows of its strategies before they run, in the records of all their seeds."""

from __future__ import annotations

import signal
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

import bench
from bench.errors import UsageError
from bench.forecasting import here
from bench.records.shelf import part_of
from bench.records.store import Store
from bench.worker.run import Run
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


def test_a_run_that_was_interrupted_goes_on_from_its_checkpoint(
    asked: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked |= {"steps": 6, "seeds": 1, "evaluations": 3, "forecast": False}
    bench.compare(["freeze"], **asked)
    (expected,) = Store(asked["out"]).read_all()
    asked["out"] = tmp_path / "other"
    shared = Store(asked["out"]).checkpoints.of(expected.spec.model_copy(update={"num_processes": 2}))
    shared.parent.mkdir(parents=True)
    part_of(shared, 0, 2, 3).touch()  # of a process that was killed, before fewer were asked for
    monkeypatch.setenv("BENCH_CHECKPOINT_SECONDS", "0")
    with monkeypatch.context() as patch:
        step = Run._step

        def ctrl_c(run: Run, done: int, *args: Any) -> None:
            step(run, done, *args)
            if done == 4 and run.checkpoints:
                signal.raise_signal(signal.SIGINT)

        patch.setattr(Run, "_step", ctrl_c)
        with pytest.raises(KeyboardInterrupt):
            bench.compare(["freeze"], **asked, resume=True)
    left = Store(asked["out"])
    assert [record.status for record in left.read_all()] == ["interrupted"]
    assert len(left.checkpoints) == 2
    with pytest.raises(UsageError, match="holds 1 runs already; continue them"):
        bench.compare(["freeze"], **asked)

    result = bench.compare(["freeze"], **asked, resume=True)

    (found,) = left.read_all()
    assert found.measured is not None
    assert expected.measured is not None
    assert found.measured.losses == expected.measured.losses
    assert found.measured.evaluation.predictions == expected.measured.evaluation.predictions
    assert [(one.step, one.loss) for one in found.measured.curve] == [
        (one.step, one.loss) for one in expected.measured.curve
    ]
    assert found.measured.checkpoint_seconds
    assert expected.measured.checkpoint_seconds is None
    assert "resumed-within" in {flag.code for flag in found.flags}
    assert not (asked["out"] / "checkpoints").exists()
    assert any("went on from a checkpoint with seed 0" in said for said in result.comparisons[0].sentences)


def test_a_run_that_failed_keeps_its_checkpoint(asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_CHECKPOINT_SECONDS", "0")
    step = Run._step

    def fail(run: Run, done: int, *args: Any) -> None:
        step(run, done, *args)
        if done == 2 and run.checkpoints:
            raise OSError("the disk is gone")

    monkeypatch.setattr(Run, "_step", fail)
    bench.compare(["freeze"], **asked | {"steps": 3, "seeds": 1, "forecast": False})
    left = Store(asked["out"])
    (record,) = left.read_all()
    assert record.status == "failed"
    assert [*left.checkpoints.folder.iterdir()] == [left.checkpoints.of(record.spec)]


@pytest.mark.parametrize("given", ["often", "-1", "nan"])
def test_an_interval_that_is_no_number_of_seconds_is_said(
    asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    monkeypatch.setenv("BENCH_CHECKPOINT_SECONDS", given)
    with pytest.raises(UsageError, match=f"BENCH_CHECKPOINT_SECONDS is to be a number of seconds, .* not '{given}'"):
        bench.compare(["freeze"], **asked, forecast=False)
