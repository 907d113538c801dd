from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from bench.records.forecast import Forecast, ForecastMemory
from bench.records.record import RunRecord

if TYPE_CHECKING:
    from collections.abc import Callable

MEMORY = ForecastMemory(
    weights_bytes=100, gradients_bytes=20, optimizer_bytes=40, activations_bytes=7, temporaries_bytes=3
)


@pytest.mark.parametrize(("overhead", "peak"), [(None, (170, 170)), ((5, 50), (175, 220))])
def test_the_peak_is_the_sum_of_its_parts_and_what_the_device_adds(
    overhead: tuple[int, int] | None, peak: tuple[int, int]
) -> None:
    forecast = Forecast(device="x", num_params=9, num_trainable_params=1, memory=MEMORY, overhead_bytes=overhead)
    assert forecast.peak_bytes == peak


def test_a_record_holds_it_and_one_of_before_is_read_without(make_record: Callable[..., RunRecord]) -> None:
    forecast = Forecast(device="x", num_params=9, num_trainable_params=1, memory=MEMORY, unproven=("all of it",))
    record = make_record().model_copy(update={"forecast": forecast})
    assert RunRecord.from_json(record.to_json()).forecast == forecast
    assert RunRecord.from_json(make_record().to_json()).forecast is None


def test_parts_that_come_to_more_than_any_memory_are_refused() -> None:
    huge = MEMORY.model_copy(update={"weights_bytes": 2**63 - 1})
    with pytest.raises(ValidationError, match="more bytes than can be counted"):
        Forecast(device="x", num_params=9, num_trainable_params=1, memory=huge)
