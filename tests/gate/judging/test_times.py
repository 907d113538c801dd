import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.gate.judging.times import TIME_METRICS, Pair, TimeRule, judge_time, pairs_wanted


def _verdicts(findings):
    return [finding.verdict for finding in findings]


def test_an_unchanged_head_passes_at_the_first_look(make_pairs):
    pairs = make_pairs(4)
    assert pairs_wanted(pairs) is None
    findings = judge_time("full", pairs)
    assert _verdicts(findings) == ["PASS", "PASS"]
    assert [finding.metric for finding in findings] == list(TIME_METRICS)
    finding = findings[0]
    assert finding.num_pairs == 4
    assert finding.low < finding.change < finding.high < finding.margin == 0.05
    assert finding.head / finding.base == pytest.approx(1 + finding.change)


def test_looks_are_taken_as_planned(make_pairs):
    assert pairs_wanted([]) == 4
    assert pairs_wanted(make_pairs(3)) == 4
    noisy = [Pair([1.0], [1.2]), Pair([1.0], [0.9])] * 6
    assert [pairs_wanted(noisy[:num]) for num in (4, 6, 8, 12)] == [6, 8, 12, None]
    assert _verdicts(judge_time("full", noisy)) == ["INCONCLUSIVE", "INCONCLUSIVE"]
    assert judge_time("full", noisy)[0].detectable > 0.05
    assert judge_time("full", noisy)[0].num_pairs == 12


def test_a_slower_head_fails_only_where_a_fresh_rerun_finds_it_again(make_pairs):
    slower, same = make_pairs(4, effect=0.1), make_pairs(4, seed=1)
    once = judge_time("full", slower)
    assert _verdicts(once) == ["INCONCLUSIVE", "INCONCLUSIVE"]
    assert all(finding.needs_rerun and finding.confirmed is None for finding in once)
    again = judge_time("full", slower, make_pairs(4, effect=0.1, seed=2))
    assert _verdicts(again) == ["FAIL", "FAIL"]
    assert again[0].confirmed
    assert again[0].reason.endswith("and again in a fresh rerun")
    gone = judge_time("full", slower, same)
    assert _verdicts(gone) == ["INCONCLUSIVE", "INCONCLUSIVE"]
    assert gone[0].confirmed is False
    assert not gone[0].needs_rerun
    assert gone[0].rerun_pairs
    assert _verdicts(judge_time("full", same, slower)) == ["PASS", "PASS"]


def test_a_rerun_must_be_red_in_the_same_metric(make_pairs):
    def pair(*, slow_step, slow_all):
        pairs = make_pairs(4)
        return [
            Pair(p.base, [s * (1.1 if slow_all else 1) for s in p.head[:-1]] + [p.head[-1] * (3 if slow_step else 1)])
            for p in pairs
        ]

    tail = judge_time("full", pair(slow_step=True, slow_all=False))
    assert _verdicts(tail) == ["PASS", "INCONCLUSIVE"]
    assert tail[1].needs_rerun
    other = [Pair(p.base, [s * 1.1 for s in p.head[:-4]] + [s * 0.8 for s in p.head[-4:]]) for p in make_pairs(4)]
    found = judge_time("full", pair(slow_step=True, slow_all=False), other)
    assert _verdicts(found) == ["PASS", "INCONCLUSIVE"]
    assert found[1].confirmed is False


def test_without_confirmation_red_is_red_at_once(make_pairs):
    findings = judge_time("full", make_pairs(4, effect=0.1), rule=TimeRule(confirm=False))
    assert _verdicts(findings) == ["FAIL", "FAIL"]
    assert findings[0].confirmed is None


def test_margins_are_by_metric(make_pairs):
    rule = TimeRule({"step_seconds_median": 0.5})
    findings = judge_time("full", make_pairs(4, effect=0.1), rule=rule)
    assert findings[0].verdict == "PASS"
    assert findings[1].needs_rerun


def test_a_small_slowdown_that_is_certain_warns(make_pairs):
    assert _verdicts(judge_time("full", make_pairs(4, effect=0.035, noise=0.001))) == ["WARN", "WARN"]


def test_a_faster_head_improves_and_a_collapse_is_doubted(make_pairs):
    (better, _), (collapse, _) = (judge_time("full", make_pairs(4, effect=effect)) for effect in (-0.1, -0.5))
    assert better.verdict == collapse.verdict == "IMPROVED"
    assert "make sure that head does the same" in collapse.reason
    assert "make sure" not in better.reason


@pytest.mark.parametrize(
    ("steps", "reason"),
    [([], "has no steps"), ([0.1, math.nan], "no finite time"), ([math.inf], "no finite"), ([0.1, 0.0], "above zero")],
)
@pytest.mark.parametrize("side", ["base", "head"])
def test_what_is_no_time_is_not_measured(make_pairs, steps, reason, side):
    good = make_pairs(4)
    bad = [*good[:3], Pair(steps, [0.1]) if side == "base" else Pair([0.1], steps)]
    for findings in (judge_time("full", bad), judge_time("full", make_pairs(4, effect=0.2), bad)):
        assert _verdicts(findings) == ["NOT_MEASURED", "NOT_MEASURED"]
        assert reason in findings[0].reason
        assert side in findings[0].reason
        assert "pair 4" in findings[0].reason
    assert pairs_wanted(bad) is None


def test_too_few_pairs_are_not_measured(make_pairs):
    findings = judge_time("full", make_pairs(3))
    assert findings[0].reason == "3 pairs were measured, and the first look needs 4"
    assert _verdicts(findings) == ["NOT_MEASURED", "NOT_MEASURED"]


@given(st.lists(st.tuples(st.floats(1e-6, 1e3), st.floats(1e-6, 1e3)), min_size=4, max_size=12))
def test_every_number_of_a_finding_is_finite(times):
    pairs = [Pair([base], [head]) for base, head in times]
    for finding in judge_time("full", pairs):
        numbers = (finding.base, finding.head, finding.change, finding.low, finding.high, finding.detectable)
        assert all(math.isfinite(number) for number in numbers)
