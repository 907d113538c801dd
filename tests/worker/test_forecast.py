"""What a run tells before its weights are read: the forecast that `bench forecast` makes, and that it cannot fit."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from bench.campaign.executing import only
from bench.executors import InProcessRunner
from bench.experiment.settings import Settings
from bench.experiment.spec import RunSpec, WorkloadSpec, parse_strategy
from bench.forecasting import here
from bench.forecasting.compositions import device_here, forecasts
from bench.protocol import Forecasted, Request, Tried
from bench.worker import assemble
from bench.worker import forecast as told_before
from bench.workload.data.dataset import load_data
from bench.workload.toy import save_tiny_llama, save_toy_reviews

if TYPE_CHECKING:
    from pathlib import Path

    from bench.protocol import Message
    from bench.records.record import RunRecord


@pytest.fixture(scope="module")
def workload(tmp_path_factory: pytest.TempPathFactory) -> WorkloadSpec:
    """Of few layers, since each takes its time in every forecast."""
    folder = tmp_path_factory.mktemp("workload")
    model, data = save_tiny_llama(folder / "tiny", num_layers=2), save_toy_reviews(folder / "reviews.csv")
    return WorkloadSpec(model=str(model), dataset=str(data), train_samples=24, eval_samples=12)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("BENCH_LOCK_DIR", str(tmp_path))


def dry(
    workload: WorkloadSpec, text: str, *, force: bool = False, asked: bool = True
) -> tuple[RunRecord, list[Message]]:
    """Carry out a dry run; its record and its messages but for stages."""
    messages: list[Message] = []
    spec = RunSpec(strategy=parse_strategy(text), workload=workload, batch_size=8, steps=4)
    request = Request(spec=spec, mode="dry", forecast=asked, force=force)
    return only(InProcessRunner(), request, messages.append), messages


def told(messages: list[Message]) -> Forecasted:
    """The one forecast among messages."""
    (one,) = (message for message in messages if isinstance(message, Forecasted))
    return one


def test_a_run_is_forecast_as_the_command_does_it_on_rows_of_data(workload: WorkloadSpec) -> None:
    settings = Settings(
        **workload.model_dump(), strategies="freeze:last=1+checkpoint", batch_size=8, steps=4, way="packed-spread"
    )
    ((_, expected),) = forecasts(settings, None, *device_here(is_gpu=False, only_known=True))
    record, messages = dry(workload, "freeze:last=1+checkpoint")
    assert record.status == "ok"
    assert told(messages).forecast == expected
    assert told(messages).does_not_fit is None


def test_so_is_each_process_of_several(workload: WorkloadSpec) -> None:
    settings = Settings(**workload.model_dump(), strategies="full", batch_size=8, num_processes=2, way="packed-spread")
    ((_, expected),) = forecasts(settings, None, *device_here(is_gpu=False, only_known=True))
    spec = RunSpec(strategy=parse_strategy("full"), workload=workload, batch_size=8, num_processes=2)
    found = told_before.forecasted(spec, load_data(workload))
    assert found.forecast == expected
    assert found.does_not_fit is None
    assert "NCCL" in str(found.forecast)


def test_time_is_told_where_the_speed_is_known_and_nothing_is_measured_for_it(
    workload: WorkloadSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(here, "BUDGET_SECONDS", 0.0)
    monkeypatch.setattr(here, "COPIES", {"cpu": (2**16, 2**20)})
    monkeypatch.setattr(here, "PRODUCTS", {"cpu": ((8, 32), (16, 64))})
    before = told(dry(workload, "freeze")[1]).forecast
    here.this_card("cpu")
    after = told(dry(workload, "freeze")[1]).forecast
    assert before is not None
    assert after is not None
    assert before.seconds is None
    assert after.seconds is not None
    assert before == after.model_copy(update={"seconds": None, "run_seconds": None})


def test_none_is_made_unless_it_is_asked_for(workload: WorkloadSpec) -> None:
    _, messages = dry(workload, "freeze", asked=False)
    assert not any(isinstance(message, Forecasted) for message in messages)


def test_what_cannot_fit_is_skipped_before_its_weights_are_read_unless_forced(
    workload: WorkloadSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(here, "psutil", SimpleNamespace(virtual_memory=lambda: SimpleNamespace(total=1024)))
    with monkeypatch.context() as unread:
        unread.setattr(assemble, "load_model", lambda *_, **__: pytest.fail("weights were read"))
        record, messages = dry(workload, "freeze")
    assert record.status == "skipped"
    assert record.reason == told(messages).does_not_fit
    assert record.reason is not None
    assert record.reason.startswith("the forecast: it takes at least ")
    assert record.reason.endswith(" of the 1 KiB that this CPU has; --force runs it all the same")
    record, messages = dry(workload, "freeze", force=True)
    assert record.status == "ok"
    assert told(messages).does_not_fit
    assert any(isinstance(message, Tried) for message in messages)


def test_a_forecast_that_fails_ends_no_run(workload: WorkloadSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(_: str) -> None:
        raise RuntimeError("of no shape\nand more")

    monkeypatch.setattr(told_before, "configuration_of", breaks)
    record, messages = dry(workload, "freeze")
    assert record.status == "ok"
    assert told(messages) == Forecasted(why_none="of no shape")
