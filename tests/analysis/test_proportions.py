import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from bench.analysis import proportions
from bench.analysis.intervals import Interval


def test_wilson_gives_the_published_interval():
    # Newcombe, Statistics in Medicine 17 (1998), table I: 81 of 263.
    interval = proportions.wilson(81, 263)
    assert (interval.low, interval.high) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert interval.this_run_only


@pytest.mark.parametrize(("correct", "low", "high"), [(0, 0.0, 0.2775), (10, 0.7225, 1.0)])
def test_wilson_stays_within_the_shares(correct, low, high):
    interval = proportions.wilson(correct, 10)
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=5e-4)


def _answers(both: int, gained: int, lost: int, neither: int) -> tuple[str, str]:
    ours = "1" * both + "1" * gained + "0" * lost + "0" * neither
    theirs = "1" * both + "0" * gained + "1" * lost + "0" * neither
    return ours, theirs


def _one_seed(*counts: int) -> Interval:
    ours, theirs = _answers(*counts)
    return proportions.difference_by_row(ours, theirs)


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


def test_accuracies_of_different_rows_are_refused():
    with pytest.raises(ValueError, match="longer"):
        proportions.difference_by_row("11", "111")
