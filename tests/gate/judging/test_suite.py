"""Intervals of a whole suite: against scipy where it is one benchmark, and against a known truth where it is many."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bench.analysis.multiple_testing import holm
from bench.gate.judging.suite import FEWEST_POOLED, bounds, changes_of, holm_levels, passing_rate
from bench.gate.judging.suite_sequential import FAIL, IMPROVED, OPEN, PASS, decide_suite, suite_plan

TURNS = (False, True) * 4
WORSE = np.log(1.05)


def _logs(num=20, sd=0.01, files=8, seed=0, **shift):
    logs = np.random.default_rng(seed).normal(scale=sd, size=(files, num))
    for name, value in shift.items():
        logs[1::2, slice(None) if name == "all" else int(name[1:])] += value
    return logs


def _codes(logs, looks=(4,), worse=WORSE):
    decided = decide_suite(
        [logs], (False, True) * (len(logs) // 2), [np.full(logs.shape[1], worse)], [worse], suite_plan(looks)
    )
    return decided.codes[0], decided.suite_codes[0], decided


def test_one_benchmark_is_a_regression_on_side_and_turn():
    logs = _logs(1)
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
    logs = _logs(12, sd=0.05)
    there, back = changes_of(logs, TURNS), changes_of(-logs, TURNS)
    slower, faster = bounds([there], 0.05), bounds([back], 0.05, -1)
    assert slower.low(0, there) == pytest.approx(faster.low(0, back))
    assert slower.common_low(there) == pytest.approx(faster.common_low(back))


def test_many_gates_at_once_are_judged_as_each_alone():
    """The simulation hands whole arrays of gates to the code that judges one."""
    random = np.random.default_rng(2)
    for num in (1, 3, 40):
        logs = [random.normal(scale=0.05, size=(30, 24, num)) for _ in range(2)]
        logs[0][:, 1::2, 0] += 0.3
        worse, plan, sides = [np.full(num, WORSE)] * 2, suite_plan((4, 6, 8, 12)), (False, True) * 12
        together = decide_suite(logs, sides, worse, [WORSE] * 2, plan)
        assert FAIL in together.codes[0]
        for gate in range(30):
            alone = decide_suite([one[gate] for one in logs], sides, worse, [WORSE] * 2, plan)
            for field in ("codes", "suite_codes", "decided_at", "suite_decided_at"):
                for ours, theirs in zip(getattr(alone, field), getattr(together, field), strict=True):
                    assert np.array_equal(ours, theirs[gate]), field


def test_one_that_is_slower_is_found_among_many_and_the_others_are_not():
    codes, suite, decided = _codes(_logs(300, sd=0.03, b7=np.log(1.3)))
    assert codes[7] == FAIL
    assert (np.delete(codes, 7) != FAIL).all()
    assert suite[0] == PASS
    assert decided.is_red


def test_a_shift_of_all_is_one_of_the_suite_and_of_each():
    codes, suite, _ = _codes(_logs(50, sd=0.003, all=0.1))
    assert suite[0] == FAIL
    assert (codes == FAIL).all(), "nothing is subtracted"
    codes, suite, _ = _codes(_logs(50, sd=0.003, all=-0.1))
    assert suite[0] == IMPROVED
    assert (codes == IMPROVED).all()


def test_what_a_file_shares_is_as_uncertain_as_the_files_are_few():
    """All benchmarks of one process go together: 100 of them tell no more of the machine than one."""
    shared = np.random.default_rng(3).normal(scale=0.05, size=(8, 1))
    logs = shared + _logs(100, sd=0.001)
    shown = changes_of(logs, TURNS)
    alone = changes_of(shared, TURNS)
    assert shown.common_error[0] == pytest.approx(alone.error[0], rel=0.05)
    assert shown.common_degrees == 5
    assert shown.error.mean() == pytest.approx(alone.error[0], rel=0.05)


def test_a_suite_of_one_has_nothing_in_common():
    codes, suite, decided = _codes(_logs(1, sd=0.001))
    assert (codes[0], suite[0], decided.is_open) == (PASS, OPEN, False)


def test_times_that_do_not_vary_at_all_are_judged():
    steady = np.zeros((8, 10))
    slower = steady.copy()
    slower[1::2, 3] = 0.2
    assert (_codes(steady)[0] == PASS).all()
    assert np.flatnonzero(_codes(slower)[0] == FAIL).tolist() == [3]


def test_a_drift_in_steps_is_no_change():
    """A machine that gets half as fast from pair to pair has no straight trend, and no side that is slower."""
    steps = np.repeat(np.arange(4), 2)[:, None] * np.log(2) * np.ones((8, 3))
    codes, suite, _ = _codes(steps)
    assert (codes == PASS).all()
    assert (_codes(steps[:, :1])[0] == PASS).all()
    assert suite[0] == PASS
    assert (_codes(-steps)[0] != FAIL).all()


def test_fewer_files_than_the_first_look_decide_nothing():
    assert decide_suite([_logs()], TURNS, [np.full(20, WORSE)], [WORSE], suite_plan((6,))) is None


def test_a_later_look_changes_no_decision():
    logs = _logs(30, sd=0.02, files=24, b3=0.3)
    _, _, first = _codes(logs[:8], (4,))
    _, _, last = _codes(logs, (4, 6, 8, 12))
    plan = suite_plan((4, 6, 8, 12))
    first = decide_suite([logs[:8]], TURNS, [np.full(30, WORSE)], [WORSE], plan)
    was = first.codes[0] != OPEN
    assert was.any()
    assert np.array_equal(first.codes[0][was], last.codes[0][was])
    assert (last.decided_at[0][was] == 0).all()


@given(st.lists(st.floats(1e-9, 1.0), min_size=1, max_size=30), st.floats(0.001, 0.3))
def test_holm_s_levels_reject_what_holm_s_p_values_do(chances, level):
    adjusted = holm(chances)
    ours = np.array(chances) <= holm_levels(np.array(chances), level)
    for one, found in zip(adjusted, ours, strict=True):
        if abs(one - level) > 1e-12:
            assert found == (one <= level)


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=30))
def test_the_rate_of_false_discoveries_is_scipy_s(chances):
    ours = passing_rate(np.array(chances), 0.1)
    theirs = stats.false_discovery_control(chances)
    for one, found in zip(theirs, ours, strict=True):
        if abs(one - 0.1) > 1e-12:
            assert found == (one <= 0.1)


def test_few_benchmarks_are_not_pooled():
    assert not changes_of(_logs(FEWEST_POOLED - 1), TURNS).is_pooled
    assert changes_of(_logs(FEWEST_POOLED), TURNS).is_pooled
