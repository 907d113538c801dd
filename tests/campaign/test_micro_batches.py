"""Micro-batches of a comparison: each strategy's own, found by the real question to a real worker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bench.campaign.micro_batches import with_largest_micro_batches
from bench.errors import UsageError
from bench.executors import InProcessRunner
from bench.experiment import registry
from bench.experiment.spec import RunSpec, WorkloadSpec, parse_strategy
from bench.forecasting import here
from bench.forecasting.compositions import device_here, forecaster_on
from bench.workload.data.dataset import load_data
from bench.workload.models.configuration import configuration_of
from bench.workload.toy import save_toy_reviews
from tests.campaign.test_rate_search import Silent
from tests.one_layer import save_one_layer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bench.protocol import Request


@pytest.fixture(scope="module")
def workload(tmp_path_factory: pytest.TempPathFactory) -> WorkloadSpec:
    folder = tmp_path_factory.mktemp("workload")
    model, data = save_one_layer(folder / "tiny"), save_toy_reviews(folder / "reviews.csv", num_words=(9, 9))
    return WorkloadSpec(model=str(model), dataset=str(data), train_samples=24, eval_samples=12)


@pytest.fixture
def fitted(workload: WorkloadSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Fit strategies into so much memory: the sizes by name and seed, what was said, and for what was asked."""
    monkeypatch.setenv("BENCH_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("BENCH_LOCK_DIR", str(tmp_path))

    asked: list[Request] = []

    class Counting(InProcessRunner):
        def run(self, requests: list[Request], on_event: Any = None, /) -> Any:
            asked.extend(requests)
            return super().run(requests, on_event)

    def fit(names: str, memory_bytes: int, done: tuple[RunSpec, ...] = ()) -> Any:
        monkeypatch.setattr(here.host_memory, "available_bytes", lambda: here.PROCESS_BYTES + memory_bytes)
        asked.clear()
        specs = [spec_of(workload, name, seed) for seed in (0, 1) for name in names.split(",")]
        said: list[str] = []
        given = with_largest_micro_batches(specs, done, Counting(), Silent(), said.append)
        assert [spec.model_copy(update={"micro_batch_size": None}) for spec in given] == specs
        return {(spec.name, spec.seed): spec.micro_batch_size for spec in given}, said, asked

    return fit


def spec_of(workload: WorkloadSpec, name: str, seed: int = 0, **more: Any) -> RunSpec:
    return RunSpec(strategy=parse_strategy(name), workload=workload, seed=seed, batch_size=8, **more)


@pytest.fixture
def three_rows(workload: WorkloadSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """Memory that forward passes of three rows fill when everything trains."""
    monkeypatch.setenv("BENCH_CACHE_DIR", str(tmp_path / "cache"))
    card, aim = device_here(is_gpu=False, only_known=True)
    config = configuration_of(workload.model)
    forecaster = forecaster_on(load_data(workload), config, spec_of(workload, "full"), card=card, aim=aim)
    full = registry.strategies_of(parse_strategy("full"))
    return forecaster.in_passes_of(3).forecast(full).peak_bytes[1]


@pytest.mark.slow
def test_each_strategy_has_its_own_with_every_seed_and_rate(fitted: Callable[..., Any], three_rows: int) -> None:
    sizes, said, asked = fitted("full:lr=0.001,full:lr=0.002,freeze", three_rows)
    assert sizes == {
        (name, seed): size
        for name, size in (("full:lr=0.001", 3), ("full:lr=0.002", 3), ("freeze", None))
        for seed in (0, 1)
    }
    assert [(request.mode, request.spec.name) for request in asked] == [("fit", "full:lr=0.001"), ("fit", "freeze")]
    assert said[0].startswith("micro-batch of full: 3, in 3 passes a step, ")
    assert said[1].startswith("micro-batch of freeze: the whole batch of 8, ")


def test_what_fits_not_even_with_one_row_is_run_with_one_with_every_seed_and_rate(fitted: Callable[..., Any]) -> None:
    sizes, (said,), _ = fitted("full:lr=0.001,full:lr=0.002", 2**20)
    assert set(sizes.values()) == {1}
    assert len(sizes) == 4
    assert "not even one row fits for certain" in said


def test_strategies_that_have_runs_keep_their_micro_batch(fitted: Callable[..., Any], workload: WorkloadSpec) -> None:
    done = (spec_of(workload, "full:lr=0.001", micro_batch_size=5), spec_of(workload, "lora"))
    sizes, _, asked = fitted("full,lora,freeze", 2**40, done)
    assert [sizes[name, 1] for name in ("full", "lora", "freeze")] == [5, None, None]
    assert [request.spec.name for request in asked] == ["freeze"]


def test_what_has_no_forecast_runs_whole_batches(fitted: Callable[..., Any], tmp_path: Path) -> None:
    """Of a strategy that this machine cannot run, its own run says why."""
    file = tmp_path / "mine.py"
    file.write_text(
        "from dataclasses import dataclass\nfrom bench.errors import Unsupported\n\n\n@dataclass(frozen=True)\nclass Never:\n"
        '    """Runs nowhere."""\n\n    def edit(self, view):\n        raise Unsupported(\'no such device\')\n'
    )
    sizes, (said,), _ = fitted(f"{file}:Never", 2**40)
    assert set(sizes.values()) == {None}
    assert said.endswith("none was found, so that batches are run whole, or as the strategy itself cuts them")


def test_what_is_wrong_with_a_strategy_ends_the_comparison(fitted: Callable[..., Any]) -> None:
    with pytest.raises(UsageError, match="last"):
        fitted("freeze:last=9", 2**40)
