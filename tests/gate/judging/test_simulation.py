"""A small part of what tests/gate/judging/test_error_rates.py simulates, in seconds."""

import numpy as np
import pytest

from tests.gate.suites import KINDS, LOOKS, Cell, judge, reds, upper_bound


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("num_benchmarks", "noise", "number"), [(1, 0.1, 2000), (10, 0.03, 1000), (100, 0.1, 250)])
def test_an_unchanged_suite_is_hardly_ever_red(kind, num_benchmarks, noise, number):
    cell = Cell(num_benchmarks, noise, kind)
    random = np.random.default_rng([1, num_benchmarks, KINDS.index(kind)])
    num_red = int(reds(judge(cell, random, number, LOOKS))["any"].sum())
    assert num_red <= 0.0025 * number + 2 * (0.0025 * number) ** 0.5


@pytest.mark.parametrize("num_benchmarks", [1, 10, 300])
def test_one_that_is_half_slower_is_found_in_noise_of_3_percent(num_benchmarks):
    cell = Cell(num_benchmarks, 0.03, "independent")
    decided = judge(cell, np.random.default_rng(num_benchmarks), 60, LOOKS[:1], slower=0.5)
    assert reds(decided)["first"].mean() >= 0.95
    if num_benchmarks > 1:
        assert not reds(decided)["suite"].any()


def test_a_suite_that_is_a_tenth_slower_is_found_as_one():
    decided = judge(Cell(100, 0.03, "independent"), np.random.default_rng(0), 60, LOOKS[:1], slower=0.1, num_slower=100)
    assert reds(decided)["suite"].all()


def test_the_bound_of_a_rate_is_clopper_and_pearson_s():
    assert upper_bound(0, 4000) == pytest.approx(1 - 0.05 ** (1 / 4000))
    assert upper_bound(12, 4000) < 0.005 < upper_bound(13, 4000)
