import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from bench.analysis import intervals
from bench.analysis.intervals import Interval


def test_a_ratio_is_paired_by_seed():
    reference = {0: 1.0, 1: 10.0, 2: 100.0, 7: 3.0}
    samples = {seed: value * factor for (seed, value), factor in zip(reference.items(), (1.9, 2.0, 2.1), strict=False)}
    interval = intervals.ratio(samples, reference)
    assert interval is not None
    logs = np.log([1.9, 2.0, 2.1])
    expected = scipy_stats.ttest_1samp(logs, 0).confidence_interval(0.95)
    assert (interval.low, interval.high) == pytest.approx((math.exp(expected.low), math.exp(expected.high)))
    assert interval.method == "paired t over 3 seeds"
    assert not interval.this_run_only


@pytest.mark.parametrize("risk", [0.05, 0.3])
def test_another_run_lies_within_its_bounds_as_often_as_promised(risk):
    draws = np.random.default_rng(0).normal(10, 2, (4000, 4))
    bounded = [intervals.another(dict(enumerate(map(float, seen))), risk) for *seen, _ in draws]
    held = [found.low <= new <= found.high for found, new in zip(bounded, draws[:, 3], strict=True)]
    assert np.mean(held) == pytest.approx(1 - risk, abs=0.02)
    assert intervals.another({0: 3.0}).bounds is None


def test_the_mean_step_is_bounded_by_blocks():
    steps = list(np.random.default_rng(0).normal(1.0, 0.1, 63))  # 7 blocks of 9
    found = intervals.step_mean(steps, 0.1)
    assert found.estimate == pytest.approx(np.mean(steps))
    assert found.this_run_only
    wider = intervals.step_mean(steps)
    assert wider.low < found.low < found.high < wider.high


def test_one_common_seed_gives_a_ratio_without_bounds():
    assert intervals.ratio({0: 3.0}, {0: 2.0, 1: 2.0}) == Interval(1.5, None, None, "one value, no interval")


@pytest.mark.parametrize("samples", [{}, {1: 2.0}, {0: 0.0}, {0: -1.0}])
def test_no_ratio_without_positive_pairs(samples):
    assert intervals.ratio(samples, {0: 1.0}) is None


def test_no_difference_without_a_common_seed():
    assert intervals.difference({0: 1.0}, {1: 1.0}) is None


def test_a_difference_is_paired_by_seed():
    interval = intervals.difference({0: 1.5, 1: 2.4}, {0: 1.0, 1: 2.0})
    assert interval is not None
    assert interval.estimate == pytest.approx(0.45)
    assert interval.side(0) == 0


def test_seeds_find_each_other_in_any_order():
    interval = intervals.ratio({1: 8.0, 0: 2.0}, {0: 1.0, 7: 5.0, 1: 4.0})
    assert interval is not None
    assert (interval.estimate, interval.low, interval.high) == pytest.approx((2.0, 2.0, 2.0))


def test_the_mean_has_a_t_interval_from_two_seeds_on():
    assert intervals.mean({0: 1.0}).low is None
    assert intervals.mean({0: 1.0, 1: 1.0}) == Interval(1.0, 1.0, 1.0, "t over 2 seeds")


def test_step_times_that_vary_alike_give_a_narrow_ratio():
    batches = np.random.default_rng(0).uniform(0.5, 2, 32)
    noise = np.random.default_rng(1).uniform(0.99, 1.01, 32)
    interval = intervals.step_ratio(list(2 * batches * noise), list(batches))
    assert interval.low is not None
    assert interval.high is not None
    assert 1.98 < interval.low < 2 < interval.high < 2.02
    assert interval.method == "t over 5 blocks of steps, this run only"


def test_too_few_steps_give_no_bounds():
    assert intervals.step_ratio([2.0] * 7, [1.0] * 7).side(1) is None


def test_blocks_grow_with_the_run():
    assert "40 blocks" in intervals.step_ratio([2.0] * 1000, [1.0] * 1000).method


@pytest.mark.parametrize(("steps", "reference"), [([], []), ([1.0], [1.0, 1.0])])
def test_steps_that_do_not_pair_are_refused(steps, reference):
    with pytest.raises(ValueError, match=r"no steps|longer"):
        intervals.step_ratio(steps, reference)


@given(st.lists(st.floats(0.01, 100), min_size=8, max_size=40), st.floats(0.1, 10))
def test_a_ratio_and_its_inverse_agree(steps, factor):
    interval = intervals.step_ratio([step * factor for step in steps], steps)
    back = intervals.step_ratio(steps, [step * factor for step in steps]).inverse()
    assert (interval.low, interval.estimate, interval.high) == pytest.approx((back.low, back.estimate, back.high))
    assert interval.estimate == pytest.approx(factor)


def test_another_estimate_widens_the_bounds_that_would_not_hold_it():
    interval = Interval(2.0, 1.9, 2.1, "steps")
    assert interval.around(1.5) == Interval(1.5, 1.5, 2.1, "steps")
    assert interval.around(3.0) == Interval(3.0, 1.9, 3.0, "steps")
    assert Interval(2.0, None, None, "one").around(3.0) == Interval(3.0, None, None, "one")


def test_an_interval_without_bounds_takes_no_side():
    assert Interval(2.0, None, None, "one").side(1) is None
    assert [Interval(2.0, 1.5, 2.5, "t").side(value) for value in (1, 2, 3)] == [1, 0, -1]
    assert Interval(2.0, None, None, "one").inverse() == Interval(0.5, None, None, "one")


def test_fixed_parts_join_a_ratio_of_times():
    """20 seconds of set-up and steps 100 times as fast as the reference's 60 seconds of them."""
    of_steps = intervals.step_ratio([0.02, 0.021, 0.019, 0.02] * 8, [2.0] * 32)
    whole = of_steps.with_fixed(20.0, 0.0, 64.0)
    assert whole.estimate == pytest.approx((20 + 0.01 * 64) / 64, rel=1e-2)
    assert whole.low is not None
    assert whole.high is not None
    assert whole.low < whole.estimate < whole.high < 0.33
    assert whole.evidence is not None
    assert whole.evidence.p_value < 1e-6
    even = of_steps.with_fixed(64.0 * (1 - of_steps.estimate), 0.0, 64.0)
    assert even.estimate == pytest.approx(1.0)
    assert even.evidence is not None
    assert even.evidence.p_value == pytest.approx(1.0)
    assert of_steps.with_fixed(65.0, 0.0, 64.0).evidence.p_value == 0.0
    assert of_steps.with_fixed(0.0, 0.0, 64.0) == of_steps.with_fixed(0.0, 0.0, 1.0)
    assert intervals.step_ratio([1.0], [2.0]).with_fixed(1.0, 0.0, 2.0).bounds is None
