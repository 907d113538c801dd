from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bench.experiment import registry
from bench.experiment.settings import Settings
from bench.experiment.spec import parse_strategy
from bench.forecasting.cards import Card, card_of
from bench.forecasting.compositions import compositions_on
from bench.forecasting.micro_batch import Measured, MicroBatch, micro_batch
from bench.workload.toy import save_tiny_llama, save_toy_reviews

if TYPE_CHECKING:
    from pathlib import Path

    from bench.forecasting.forecaster import Forecaster
    from bench.records.forecast import Forecast

__all__ = ["asked", "model", "peaks"]

CARD = card_of("t4-16gb")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save_tiny_llama(tmp_path_factory.mktemp("model")))


def asked(model: str, **settings: object) -> Settings:
    return Settings.model_validate({"model": model, "strategies": "full", "batch_size": 8} | settings)


def peaks(settings: Settings, card: Card = CARD) -> tuple[Forecaster, list[Forecast]]:
    """Forecast `full` in passes of 1 to 12 rows, one after the other."""
    _, forecaster = compositions_on(settings, 8, card)
    return forecaster, [forecaster.in_passes_of(rows).forecast(strategies("full")) for rows in range(1, 13)]


def strategies(text: str) -> list:
    return registry.strategies_of(parse_strategy(text))


def test_it_is_the_most_rows_whose_forecast_fits(model: str) -> None:
    forecaster, forecasts = peaks(asked(model))
    tops = [one.peak_bytes[1] for one in forecasts]
    for memory in (*tops, *(top - 1 for top in tops), tops[0] // 2):
        found = micro_batch(forecaster, strategies("full"), memory, most=12)
        fits = [rows for rows, top in enumerate(tops, 1) if top <= memory]
        assert found.num_rows == max(fits, default=0)
        assert found.forecast == forecasts[max(found.num_rows, 1) - 1]
        beyond = forecasts[found.num_rows] if 0 < found.num_rows < 12 else None
        assert found.beyond == beyond


def test_passes_of_less_than_a_batch_have_gradients_beside_them(model: str) -> None:
    """Two passes are enough: the forecast of a step of all its passes is the same."""
    for rows in (2, 4):
        (_, forecaster) = compositions_on(asked(model, micro_batch_size=rows), 8, CARD)
        step = forecaster.forecast(strategies("full"))
        (_, forecaster) = compositions_on(asked(model), 8, CARD)
        assert forecaster.in_passes_of(rows).forecast(strategies("full")).memory == step.memory


def test_a_pass_is_of_the_longest_rows_of_the_data(model: str, tmp_path: Path) -> None:
    data = str(save_toy_reviews(tmp_path / "reviews.csv", num_words=(1, 20)))
    _, forecaster = compositions_on(asked(model, dataset=data), None, CARD)
    training = forecaster._training
    lengths = sorted(training.split.lengths, reverse=True)
    two, whole = training.in_passes_of(3), training.in_passes_of(8)
    assert [list(training.split.lengths[part]) for part in two.parts] == [lengths[:3], lengths[:3]]
    assert [list(training.split.lengths[part]) for part in whole.parts] == [lengths[:8]]
    beyond = training.in_passes_of(len(lengths) + 2)
    assert list(training.split.lengths[beyond.parts[0]]) == [*lengths, *lengths[:2]]


def test_passes_make_up_a_batch_and_what_does_not_fit_has_none(model: str) -> None:
    _, forecasts = peaks(asked(model))
    some = MicroBatch(num_rows=3, forecast=forecasts[2], beyond=forecasts[3])
    none = MicroBatch(num_rows=0, forecast=forecasts[0], beyond=None)
    assert [one.num_passes(8) for one in (some, none)] == [3, None]
    assert [one.smallest_card for one in (some, none)] == [None, "t4-16gb"]
    assert [one.row_bytes for one in (some, none)] == [forecasts[3].peak_bytes[1] - forecasts[2].peak_bytes[1], None]


def test_the_largest_that_was_measured_to_fit_is_it() -> None:
    measured = Measured(peaks={40: 70, 50: 101, 45: 90, 60: None}, memory_bytes=100)
    assert (measured.num_rows, measured.peak_bytes) == (45, 90)
    assert Measured(peaks={1: None}, memory_bytes=100).num_rows is None
