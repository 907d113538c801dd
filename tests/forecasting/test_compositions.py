from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bench.errors import UnknownName, Unsupported, UsageError
from bench.experiment.settings import Settings
from bench.forecasting.compositions import aim_of, forecasts, lengths_of
from bench.records.forecast import Forecast
from bench.workload.toy import save_tiny_llama, save_toy_reviews

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def model(tmp_path: Path) -> str:
    return str(save_tiny_llama(tmp_path / "model"))


def test_each_composition_has_a_forecast_or_the_reason_why_not(model: str) -> None:
    settings = Settings(model=model, strategies="freeze,freeze+seen_embeddings,seen_embeddings", batch_size=4)
    found = dict(forecasts(settings, 8))
    assert list(found) == ["freeze", "freeze+seen_embeddings", "seen_embeddings"]
    assert isinstance(found["freeze"], Forecast)
    assert isinstance(found["seen_embeddings"], Unsupported)


def test_rows_of_data_are_as_long_as_they_are_and_have_classes(model: str, tmp_path: Path) -> None:
    data = str(save_toy_reviews(tmp_path / "reviews.csv", num_words=(1, 4)))
    settings = Settings(model=model, strategies="freeze", dataset=data, batch_size=4)
    (_, of_data), (_, of_length) = *forecasts(settings, None), *forecasts(settings, 30)
    assert isinstance(of_data, Forecast)
    assert isinstance(of_length, Forecast)
    assert of_data.memory.temporaries_bytes < of_length.memory.temporaries_bytes
    assert of_data.memory.weights_bytes == of_length.memory.weights_bytes


@pytest.mark.parametrize(("text", "expected"), [(None, 256), ("512", 512), ("data", None)])
def test_lengths_are_a_number_or_those_of_the_data(text: str | None, expected: int | None) -> None:
    assert lengths_of(text, Settings()) == expected


@pytest.mark.parametrize("text", ["0", "-3", "long", "1.5", ""])
def test_other_lengths_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"--lengths .*: give the tokens of every row"):
        lengths_of(text, Settings())


def test_rows_longer_than_the_model_takes_are_refused(model: str) -> None:
    with pytest.raises(UsageError, match="rows of 65 tokens are more than the 64"):
        next(iter(forecasts(Settings(model=model, strategies="full"), 65)))


def test_a_wrong_name_is_refused_before_any_work() -> None:
    with pytest.raises(UnknownName, match="freeze"):
        next(iter(forecasts(Settings(strategies="full,freez"), 8)))


def test_the_device_is_this_machine() -> None:
    assert aim_of("cpu") is None
    with pytest.raises(UsageError, match="--device h0: give here or cpu"):
        aim_of("h0")
