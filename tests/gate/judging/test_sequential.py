import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bench.gate.judging.sequential import AnalysisPlan, analyse, decide

LOGS = st.lists(st.floats(-0.5, 0.5), min_size=4, max_size=12)


def test_the_bounds_are_those_of_student():
    values = [0.01, 0.03, -0.02, 0.05]
    look = analyse(values, 0.0125, 0.0125)
    low, high = stats.t.interval(0.975, 3, np.mean(values), stats.sem(values))
    assert (look.low, look.high) == pytest.approx((low, high))
    assert look.detectable == pytest.approx(stats.sem(values) * (stats.t.ppf(0.9875, 3) + stats.t.ppf(0.8, 3)))


@given(LOGS)
def test_swapping_the_sides_mirrors_red_and_better(logs):
    margin = math.log(1.05)
    plan = AnalysisPlan(looks=(len(logs),))
    there, look = decide(logs, margin, -margin, plan)
    back, mirrored = decide([-log for log in logs], margin, -margin, plan)
    assert look.estimate == pytest.approx(-mirrored.estimate)
    if there == "FAIL":
        assert back == "IMPROVED"
    if there == "IMPROVED":
        assert back == "FAIL"


@given(LOGS, st.floats(0.001, 0.2))
def test_a_slower_head_is_never_judged_better(logs, more):
    order = ("IMPROVED", "PASS", "WARN", None, "FAIL")
    plan = AnalysisPlan(looks=(len(logs),))
    verdicts = [decide([log + shift for log in logs], 0.05, -0.05, plan)[0] for shift in (0.0, more)]
    assert order.index(verdicts[0]) <= order.index(verdicts[1])


@given(LOGS)
def test_a_decided_gate_is_not_changed_by_later_pairs(logs):
    words = [decide(logs[:num], 0.05, -0.05, AnalysisPlan())[0] for num in range(4, len(logs) + 1)]
    for before, after in pairwise(words):
        assert before is None or before == after
