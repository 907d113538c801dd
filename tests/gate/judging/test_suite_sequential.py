import numpy as np

from bench.gate.judging.suite_sequential import FAIL, IMPROVED, OPEN, PASS, decide_suite, suite_plan
from tests.gate.suites import suite_logs

TURNS = (False, True) * 4


WORSE = np.log(1.05)


def _codes(logs, looks=(4,), worse=WORSE):
    decided = decide_suite(
        [logs], (False, True) * (len(logs) // 2), [np.full(logs.shape[1], worse)], [worse], suite_plan(looks)
    )
    return decided.codes[0], decided.suite_codes[0], decided


def test_one_that_is_slower_is_found_among_many_and_the_others_are_not():
    codes, suite, decided = _codes(suite_logs(300, sd=0.03, b7=np.log(1.3)))
    assert codes[7] == FAIL
    assert (np.delete(codes, 7) != FAIL).all()
    assert suite[0] == PASS
    assert decided.is_red


def test_a_shift_of_all_is_one_of_the_suite_and_of_each():
    codes, suite, _ = _codes(suite_logs(50, sd=0.003, all=0.1))
    assert suite[0] == FAIL
    assert (codes == FAIL).all(), "nothing is subtracted"
    codes, suite, _ = _codes(suite_logs(50, sd=0.003, all=-0.1))
    assert suite[0] == IMPROVED
    assert (codes == IMPROVED).all()


def test_a_suite_of_one_has_nothing_in_common():
    codes, suite, decided = _codes(suite_logs(1, sd=0.001))
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
    assert decide_suite([suite_logs()], TURNS, [np.full(20, WORSE)], [WORSE], suite_plan((6,))) is None


def test_a_later_look_changes_no_decision():
    logs = suite_logs(30, sd=0.02, files=24, b3=0.3)
    _, _, first = _codes(logs[:8], (4,))
    _, _, last = _codes(logs, (4, 6, 8, 12))
    plan = suite_plan((4, 6, 8, 12))
    first = decide_suite([logs[:8]], TURNS, [np.full(30, WORSE)], [WORSE], plan)
    was = first.codes[0] != OPEN
    assert was.any()
    assert np.array_equal(first.codes[0][was], last.codes[0][was])
    assert (last.decided_at[0][was] == 0).all()


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
