"""What `--tune` asks for."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.errors import UnknownName, UsageError
from bench.experiment.settings import Settings
from bench.experiment.tuning import RateSearch


def test_the_default_is_a_grid_of_8_from_1e_minus_5_to_a_tenth() -> None:
    search = RateSearch.parse("lr")
    assert (len(search.rates), search.rates[0], search.rates[-1]) == (8, 1e-5, 0.1)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("lr:trials=1", "greater than or equal to 2"),
        ("lr:trials=many", "valid integer"),
        ("lr:low=1:high=0.1", "is not below"),
        (
            "lr:trials=4:low=0.01:high=0.0101",
            "so many trials do not fit between low=0.01 and high=0.0101 to two digits",
        ),
        ("lr:trials=256", "so many trials do not fit between low=1e-05 and high=0.1 to two digits"),
        ("lr:low=0", "greater than 0"),
        ("lr:trials", "not of the form"),
        ("lr:trials=4:trials=8", "given twice"),
        ("lr:trails=4", "Did you mean trials"),
        ("weight_decay", "unknown setting to tune"),
    ],
)
def test_what_cannot_be_is_told_in_one_line(text: str, wrong: str) -> None:
    with pytest.raises(UsageError, match=wrong) as caught:
        Settings.gather({"tune": text})
    assert "\n" not in str(caught.value)


def test_as_many_trials_as_two_digits_tell_apart_are_fine() -> None:
    assert RateSearch.parse("lr:trials=4:low=0.01:high=0.013").rates == (0.01, 0.011, 0.012, 0.013)


def test_a_name_that_is_nearly_right_is_offered() -> None:
    with pytest.raises(UnknownName, match="Known: lr"):
        RateSearch.parse("learning-rate:trials=8")


@given(trials=st.integers(2, 40), low=st.floats(1e-7, 1e-3), factor=st.floats(10, 1e5))
def test_rates_rise_by_one_factor_to_two_digits(trials: int, low: float, factor: float) -> None:
    rates = RateSearch(trials=trials, low=low, high=low * factor).rates
    assert len(rates) == trials
    step = math.log(factor) / (trials - 1)
    for number, rate in enumerate(rates):
        assert math.log(rate / low) == pytest.approx(number * step, abs=0.06)


def test_the_better_half_goes_on_with_twice_the_steps() -> None:
    assert list(RateSearch(trials=16).rounds(128)) == [(16, 32), (8, 64), (4, 128)]
    assert list(RateSearch(trials=8).rounds(128)) == [(8, 64), (4, 128)]
    assert list(RateSearch(trials=5).rounds(100)) == [(5, 50), (3, 100)]
    assert list(RateSearch(trials=2).rounds(100)) == [(2, 100)]


@given(trials=st.integers(2, 64), num_steps=st.integers(1, 5000))
def test_the_last_round_is_as_long_as_a_run_and_no_two_are_equally_long(trials: int, num_steps: int) -> None:
    rounds = list(RateSearch(trials=trials).rounds(num_steps))
    steps = [num for _, num in rounds]
    assert rounds[0][0] == trials
    assert steps == sorted(set(steps))
    assert steps[-1] == num_steps
    assert all(num >= min(8, num_steps) for num in steps)
