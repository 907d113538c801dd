from __future__ import annotations

import pytest

from bench.errors import UsageError
from bench.forecasting.duration import Bounds
from bench.forecasting.money import Price


@pytest.mark.parametrize(
    ("text", "per_hour", "currency"),
    [
        ("2.5/h", 2.5, ""),
        ("2", 2, ""),
        ("$2.50/hour", 2.5, "$"),
        ("2.5 EUR/h", 2.5, "EUR"),
        ("3€", 3, "€"),
        (".5 / hr", 0.5, ""),
    ],
)
def test_a_price_is_of_an_hour(text: str, per_hour: float, currency: str) -> None:
    assert Price.parse(text) == Price(per_hour, currency)


@pytest.mark.parametrize("text", ["", "cheap", "2.5/day", "-1/h", "$2 EUR/h", "2,5/h", "nan"])
def test_what_is_no_price_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"--price .*: give the price of an hour of the machine, such as 2\.5/h"):
        Price.parse(text)


def test_seconds_cost_their_share_of_an_hour() -> None:
    assert Price(4).of(Bounds(900, 3600)) == (1, 4)


@pytest.mark.parametrize(
    ("price", "amount", "expected"),
    [
        (Price(1, "$"), 1234.5, "$1,234.50"),
        (Price(1, "EUR"), 2, "2.00 EUR"),
        (Price(1), 0.00123, "0.0012"),
        (Price(1), 0, "0.00"),
    ],
)
def test_money_is_written_in_its_currency(price: Price, amount: float, expected: str) -> None:
    assert price.written(amount) == expected
