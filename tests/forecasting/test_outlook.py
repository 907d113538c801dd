from __future__ import annotations

import json

import pytest

from bench.forecasting.cards import card_of
from bench.forecasting.money import Price
from bench.forecasting.outlook import Outlook
from bench.records.forecast import Forecast, ForecastMemory

GIB = 2**30


def forecast(gib: float, run_seconds: tuple[float, float] | None = (60, 120)) -> Forecast:
    memory = ForecastMemory(
        weights_bytes=round(gib * GIB), gradients_bytes=0, optimizer_bytes=0, activations_bytes=0, temporaries_bytes=0
    )
    return Forecast(
        device="x",
        num_params=1,
        num_trainable_params=1,
        memory=memory,
        overhead_bytes=(GIB, 2 * GIB),
        run_seconds=run_seconds,
    )


def outlook(price: Price | None = None, **rows: Forecast) -> Outlook:
    return Outlook(card=card_of("a100-40gb"), rows=rows, num_seeds=3, price=price)


def test_what_does_not_fit_is_neither_run_nor_paid_for() -> None:
    found = outlook(Price(60), small=forecast(10), tight=forecast(37.5), large=forecast(60))
    assert [found.fit(name) for name in found.rows] == ["fits", "may not fit", "does not fit"]
    assert found.runnable == ("small", "tight")
    assert found.seconds == (2 * 3 * 60, 2 * 3 * 120)
    assert found.cost == (6, 12)


def test_the_smallest_card_is_one_that_holds_all_for_certain() -> None:
    found = outlook(small=forecast(10), tight=forecast(37.5), large=forecast(160))
    assert [found.smallest_card(name) for name in found.rows] == ["t4-16gb", "l40s-48gb", None]


def test_without_a_time_or_a_price_there_is_no_cost() -> None:
    assert outlook(one=forecast(10)).cost is None
    assert outlook(Price(1), one=forecast(10), other=forecast(10, None)).seconds is None
    assert outlook(Price(1), large=forecast(60)).cost is None


def test_all_of_it_is_json() -> None:
    read = json.loads(json.dumps(outlook(Price(60, "$"), small=forecast(10)).as_json()))
    assert read["cost"] == [3, 6]
    assert read["currency"] == "$"
    small = read["strategies"]["small"]
    assert (small["fit"], small["smallest_card"]) == ("fits", "t4-16gb")
    assert small["peak_bytes"] == [11 * GIB, 12 * GIB]
    assert small["memory"]["weights_bytes"] == 10 * GIB


@pytest.mark.parametrize("kind", ["card", "card_memory_bytes", "card_source"])
def test_the_card_is_named_with_its_source(kind: str) -> None:
    assert outlook(one=forecast(1)).as_json()[kind]
