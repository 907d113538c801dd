"""Intervals of a whole suite: against scipy where it is one benchmark, and against a known truth where it is many."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bench.analysis.multiple_testing import holm
from bench.gate.judging.suite import FEWEST_POOLED, bounds, changes_of, holm_levels
from tests.gate.suites import suite_logs

TURNS = (False, True) * 4


def test_one_benchmark_is_a_regression_on_side_and_turn():
    logs = suite_logs(1)
    shown = changes_of(logs, TURNS)
    fit = np.column_stack([np.ones(8), TURNS, np.arange(8)])
    ours, squares, *_ = np.linalg.lstsq(fit, logs[:, 0])
    error = np.sqrt(squares[0] / 5 * np.linalg.inv(fit.T @ fit)[1, 1])
    assert (shown.change[0], shown.error[0], shown.degrees[0]) == pytest.approx((ours[1], error, 5))
    assert shown.chance(0.0)[0] == pytest.approx(stats.t.sf(ours[1] / error, 5))


def test_the_bounds_of_many_benchmarks_hold_together():
    """Of 2,000 suites in which nothing changed, the level is for any bound of any benchmark in either metric, and the suite's."""
    random = np.random.default_rng(1)
    for shared in (0.0, 1.0):
        logs = random.normal(size=(2000, 8, 12)) + shared * random.normal(size=(2000, 8, 1))
        found = [changes_of(logs, TURNS), changes_of(logs + 0.1 * random.normal(size=logs.shape), TURNS)]
        held = bounds(found, 0.05)
        wrong = sum(
            (held.low(index, one) > 0).any(-1) | (held.common_low(one) > 0).any(-1) for index, one in enumerate(found)
        )
        assert 0.001 < (wrong > 0).mean() < 0.05
        for index, one in enumerate(found):
            assert np.array_equal(held.is_slower[index], held.low(index, one) > 0)


def test_slower_and_faster_are_mirror_images():
    logs = suite_logs(12, sd=0.05)
    there, back = changes_of(logs, TURNS), changes_of(-logs, TURNS)
    slower, faster = bounds([there], 0.05), bounds([back], 0.05, -1)
    assert slower.low(0, there) == pytest.approx(faster.low(0, back))
    assert slower.common_low(there) == pytest.approx(faster.common_low(back))


def test_what_a_file_shares_is_as_uncertain_as_the_files_are_few():
    """All benchmarks of one process go together: 100 of them tell no more of the machine than one."""
    shared = np.random.default_rng(3).normal(scale=0.05, size=(8, 1))
    logs = shared + suite_logs(100, sd=0.001)
    shown = changes_of(logs, TURNS)
    alone = changes_of(shared, TURNS)
    assert shown.common_error[0] == pytest.approx(alone.error[0], rel=0.05)
    assert shown.common_degrees == 5
    assert shown.error.mean() == pytest.approx(alone.error[0], rel=0.05)


@given(st.lists(st.floats(1e-9, 1.0), min_size=1, max_size=30), st.floats(0.001, 0.3))
def test_holm_s_levels_reject_what_holm_s_p_values_do(chances, level):
    adjusted = holm(chances)
    ours = np.array(chances) <= holm_levels(np.array(chances), level)
    for one, found in zip(adjusted, ours, strict=True):
        if abs(one - level) > 1e-12:
            assert found == (one <= level)


def test_few_benchmarks_are_not_pooled():
    assert not changes_of(suite_logs(FEWEST_POOLED - 1), TURNS).is_pooled
    assert changes_of(suite_logs(FEWEST_POOLED), TURNS).is_pooled
