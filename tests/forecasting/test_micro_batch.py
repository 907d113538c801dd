from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from bench.experiment import registry
from bench.experiment.settings import Settings
from bench.experiment.spec import parse_strategy
from bench.forecasting.cards import card_of
from bench.forecasting.compositions import compositions_on
from bench.forecasting.micro_batch import Measured, MicroBatch, micro_batch
from bench.records.forecast import Forecast, ForecastMemory
from bench.workload.data.batches import micro_batches
from bench.workload.toy import save_toy_reviews
from tests.one_layer import save_one_layer

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from bench.forecasting.forecaster import Forecaster
    from bench.forecasting.training import Training

GIB = 2**30


def forecast(gib: float) -> Forecast:
    """A forecast of so many GiB at least, and one more at most."""
    parts = dict.fromkeys(("gradients_bytes", "optimizer_bytes", "activations_bytes", "temporaries_bytes"), 0)
    memory = ForecastMemory(weights_bytes=round(gib * GIB), **parts)
    return Forecast(device="x", num_params=1, num_trainable_params=1, memory=memory, overhead_bytes=(0, GIB))


class Line:
    """Forecasts 16 GiB, and 2 for every row of a pass."""

    batch_size = 8

    def __init__(self) -> None:
        self.asked: list[int] = []

    def in_passes_of(self, num_rows: int) -> Line:
        self.asked.append(num_rows)
        return self

    def forecast(self, _strategies: object) -> Forecast:
        return forecast(16 + 2 * self.asked[-1])


def find(memory_gib: float, **limits: int) -> tuple[MicroBatch, list[int]]:
    line = Line()
    return micro_batch(cast("Forecaster", line), (), round(memory_gib * GIB), **limits), line.asked


@pytest.mark.parametrize(("memory_gib", "num_rows"), [(80, 31), (79, 31), (78.9, 30), (33, 8), (32, 7), (19, 1)])
def test_it_is_the_most_rows_whose_highest_peak_fits(memory_gib: float, num_rows: int) -> None:
    found, asked = find(memory_gib)
    assert found.num_rows == num_rows
    assert found.forecast == forecast(16 + 2 * num_rows)
    assert found.beyond == forecast(18 + 2 * num_rows)
    assert found.row_bytes == 2 * GIB
    assert asked[0] == 8
    assert len(asked) <= 5


def parts_of(training: Training) -> list[NDArray[np.int64]]:
    """The rows of each forward pass of a step."""
    return list(micro_batches(training.rows, training.micro_batch_size))


def test_no_more_rows_are_looked_at_than_were_asked_for() -> None:
    found, asked = find(80, most=8)
    assert (found.num_rows, found.beyond, found.row_bytes, asked) == (8, None, None, [8])
    assert find(80, most=5)[1] == [5]
    assert find(100_000)[0].num_rows == 4096


def test_what_does_not_fit_with_one_row_has_no_passes_and_the_smallest_card_that_would() -> None:
    none, asked = find(18.9)
    assert (none.num_rows, none.forecast, none.beyond, asked) == (0, forecast(18), None, [8, 1])
    some, _ = find(23)
    assert [one.num_passes(8) for one in (some, none)] == [3, None]
    assert [one.smallest_card for one in (some, none)] == [None, "a10-24gb"]


def settings(tmp_path: Path, **more: Any) -> Settings:
    asked = {"model": str(save_one_layer(tmp_path / "model")), "strategies": "full", "batch_size": 8}
    return Settings.model_validate(asked | more)


@pytest.mark.parametrize("several", [{}, {"num_processes": 2}, {"num_processes": 2, "parallel": "shard"}])
def test_passes_of_less_than_a_batch_have_gradients_beside_them(tmp_path: Path, several: dict[str, Any]) -> None:
    """Two passes are enough: the forecast of a step of all its passes is the same."""
    asked, full = settings(tmp_path, **several), registry.strategies_of(parse_strategy("full"))
    _, forecaster = compositions_on(asked, 8, card_of("t4-16gb"))
    step = forecaster.in_micro_batches(2).forecast(full)
    assert forecaster.in_passes_of(2).forecast(full).memory == step.memory


def test_a_pass_is_of_the_longest_rows_of_the_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_CACHE_DIR", str(tmp_path / "cache"))
    data = str(save_toy_reviews(tmp_path / "reviews.csv", num_words=(1, 20)))
    _, forecaster = compositions_on(settings(tmp_path, dataset=data), None, card_of("t4-16gb"))
    training = forecaster._training
    lengths = sorted(training.split.lengths, reverse=True)
    two, whole = training.in_passes_of(3), training.in_passes_of(8)
    assert [list(training.split.lengths[part]) for part in parts_of(two)] == [lengths[:3], lengths[:3]]
    assert [list(training.split.lengths[part]) for part in parts_of(whole)] == [lengths[:8]]
    beyond = training.in_passes_of(len(lengths) + 2)
    assert list(training.split.lengths[parts_of(beyond)[0]]) == [*lengths, *lengths[:2]]


def test_the_largest_that_was_measured_to_fit_is_it() -> None:
    measured = Measured(peaks={40: 70, 50: 101, 45: 90, 60: None}, memory_bytes=100)
    assert (measured.num_rows, measured.peak_bytes) == (45, 90)
    assert Measured(peaks={1: None}, memory_bytes=100).num_rows is None
