import numpy as np
import pytest

from bench.gate.judging.turns import are_in_turns, turns_of


def _sides(order):
    return tuple(letter == "H" for letter in order)


@pytest.mark.parametrize("order", ["BHBHBHBH", "HBHBHBHB", "BHHBBHHB", "BH", "BHBHB", "BHBBHBBHB", "HBBHHBBH"])
def test_sides_that_took_turns(order):
    assert are_in_turns(_sides(order))


@pytest.mark.parametrize("order", ["BBBBHHHH", "HHHHBBBB", "BBHHBBHH", "BBHH", "BBBHHBHH", "BHBHHHBB"])
def test_a_side_that_ran_ahead_by_two(order):
    assert not are_in_turns(_sides(order))


@pytest.mark.parametrize("order", ["BHBHBHBH", "BHHBBHHB", "BHBHBHB"])
def test_a_straight_trend_is_no_change(order):
    turns = turns_of(_sides(order))
    trend = 0.3 * np.arange(len(order))
    head = np.array(_sides(order))
    assert turns.contrast @ (trend + 0.1 * head) == pytest.approx(0.1)
    assert turns.residual_maker @ (trend + 0.1 * head) == pytest.approx(np.zeros(len(order)))
    assert turns.degrees == len(order) - 3


def test_without_turns_the_change_is_that_of_the_means():
    turns = turns_of(_sides("BBBBHHHH"))
    assert turns.contrast == pytest.approx([-0.25] * 4 + [0.25] * 4)
    assert turns.contrast == pytest.approx(turns.plain_contrast)
    assert (turns.degrees, turns.variance) == (6, pytest.approx(0.5))
