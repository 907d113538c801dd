import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from bench import stats
from bench.stats import Interval


def test_wilson_gives_the_published_interval():
    # Newcombe, Statistics in Medicine 17 (1998), table I: 81 of 263.
    interval = stats.wilson(81, 263)
    assert (interval.low, interval.high) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert interval.this_run_only


@pytest.mark.parametrize(("correct", "low", "high"), [(0, 0.0, 0.2775), (10, 0.7225, 1.0)])
def test_wilson_stays_within_the_shares(correct, low, high):
    interval = stats.wilson(correct, 10)
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=5e-4)


def test_a_ratio_is_paired_by_seed():
    reference = {0: 1.0, 1: 10.0, 2: 100.0, 7: 3.0}
    samples = {seed: value * factor for (seed, value), factor in zip(reference.items(), (1.9, 2.0, 2.1), strict=False)}
    interval = stats.ratio(samples, reference)
    assert interval is not None
    logs = np.log([1.9, 2.0, 2.1])
    expected = scipy_stats.ttest_1samp(logs, 0).confidence_interval(0.95)
    assert (interval.low, interval.high) == pytest.approx((math.exp(expected.low), math.exp(expected.high)))
    assert interval.method == "paired t over 3 seeds"
    assert not interval.this_run_only


def test_one_common_seed_gives_a_ratio_without_bounds():
    assert stats.ratio({0: 3.0}, {0: 2.0, 1: 2.0}) == Interval(1.5, None, None, "one value, no interval")


@pytest.mark.parametrize("samples", [{}, {1: 2.0}, {0: 0.0}, {0: -1.0}])
def test_no_ratio_without_positive_pairs(samples):
    assert stats.ratio(samples, {0: 1.0}) is None


def test_no_difference_without_a_common_seed():
    assert stats.difference({0: 1.0}, {1: 1.0}) is None
    assert stats.accuracy_difference({0: "1"}, {1: "1"}) is None


def test_a_difference_is_paired_by_seed():
    interval = stats.difference({0: 1.5, 1: 2.4}, {0: 1.0, 1: 2.0})
    assert interval is not None
    assert interval.estimate == pytest.approx(0.45)
    assert interval.side(0) == 0


def test_the_mean_has_a_t_interval_from_two_seeds_on():
    assert stats.mean({0: 1.0}).low is None
    assert stats.mean({0: 1.0, 1: 1.0}) == Interval(1.0, 1.0, 1.0, "t over 2 seeds")


def test_step_times_that_vary_alike_give_a_narrow_ratio():
    batches = np.random.default_rng(0).uniform(0.5, 2, 32)
    noise = np.random.default_rng(1).uniform(0.99, 1.01, 32)
    interval = stats.step_ratio(list(2 * batches * noise), list(batches))
    assert interval.low is not None
    assert interval.high is not None
    assert 1.98 < interval.low < 2 < interval.high < 2.02
    assert interval.method == "t over 8 blocks of steps, this run only"


def test_too_few_steps_give_no_bounds():
    assert stats.step_ratio([2.0] * 7, [1.0] * 7).side(1) is None


def test_blocks_grow_with_the_run():
    assert "30 blocks" in stats.step_ratio([2.0] * 1000, [1.0] * 1000).method


@pytest.mark.parametrize(("steps", "reference"), [([], []), ([1.0], [1.0, 1.0])])
def test_steps_that_do_not_pair_are_refused(steps, reference):
    with pytest.raises(ValueError, match=r"no steps|longer"):
        stats.step_ratio(steps, reference)


@given(st.lists(st.floats(0.01, 100), min_size=8, max_size=40), st.floats(0.1, 10))
def test_a_ratio_and_its_inverse_agree(steps, factor):
    interval = stats.step_ratio([step * factor for step in steps], steps)
    back = stats.step_ratio(steps, [step * factor for step in steps]).inverse()
    assert (interval.low, interval.estimate, interval.high) == pytest.approx((back.low, back.estimate, back.high))
    assert interval.estimate == pytest.approx(factor)


def test_another_estimate_widens_the_bounds_that_would_not_hold_it():
    interval = Interval(2.0, 1.9, 2.1, "steps")
    assert interval.around(1.5) == Interval(1.5, 1.5, 2.1, "steps")
    assert interval.around(3.0) == Interval(3.0, 1.9, 3.0, "steps")
    assert Interval(2.0, None, None, "one").around(3.0) == Interval(3.0, None, None, "one")


def _answers(both: int, gained: int, lost: int, neither: int) -> tuple[str, str]:
    ours = "1" * both + "1" * gained + "0" * lost + "0" * neither
    theirs = "1" * both + "0" * gained + "1" * lost + "0" * neither
    return ours, theirs


def _one_seed(*counts: int) -> Interval:
    ours, theirs = _answers(*counts)
    interval = stats.accuracy_difference({0: ours}, {0: theirs})
    assert interval is not None
    return interval


counts = st.tuples(*[st.integers(0, 60)] * 4).filter(lambda four: sum(four) > 0)


@given(counts)
def test_the_paired_interval_holds_zero_exactly_when_mcnemar_finds_nothing(four):
    _, gained, lost, _ = four
    statistic = (gained - lost) ** 2 / (gained + lost) if gained + lost else 0.0
    critical = scipy_stats.chi2.ppf(0.95, 1)
    assert (_one_seed(*four).side(0) == 0) == (statistic <= critical)


@given(counts)
def test_the_paired_interval_is_symmetric_and_holds_the_estimate(four):
    both, gained, lost, neither = four
    interval, mirrored = _one_seed(*four), _one_seed(both, lost, gained, neither)
    assert interval.low is not None
    assert interval.high is not None
    assert -1 <= interval.low <= interval.estimate <= interval.high <= 1
    assert (mirrored.low, mirrored.high) == pytest.approx((-interval.high, -interval.low), abs=1e-8)


def test_no_discordant_row_still_leaves_doubt():
    # Without one, the bounds are z^2 / (n + z^2) on either side.
    interval = _one_seed(50, 0, 0, 50)
    z_squared = scipy_stats.norm.ppf(0.975) ** 2
    assert (interval.low, interval.high) == pytest.approx(
        (-z_squared / (100 + z_squared), z_squared / (100 + z_squared))
    )


def test_seeds_that_agree_to_the_row_are_not_taken_for_certain():
    interval = stats.accuracy_difference({0: "1110", 1: "1110"}, {0: "1100", 1: "1100"})
    assert interval is not None
    assert interval.estimate == 0.25
    assert interval.side(0) == 0


def test_accuracies_of_different_rows_are_refused():
    with pytest.raises(ValueError, match="same rows"):
        stats.accuracy_difference({0: "11"}, {0: "111"})


def test_an_interval_without_bounds_takes_no_side():
    assert Interval(2.0, None, None, "one").side(1) is None
    assert [Interval(2.0, 1.5, 2.5, "t").side(value) for value in (1, 2, 3)] == [1, 0, -1]
    assert Interval(2.0, None, None, "one").inverse() == Interval(0.5, None, None, "one")


def test_the_frontier_keeps_what_nothing_beats():
    assert stats.pareto([(1, 3), (2, 2), (1, 2), (3, 1), (2, 2)]) == (True, True, False, True, True)
    assert stats.pareto([]) == ()
