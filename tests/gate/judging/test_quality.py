import math

import pytest

from bench.gate.judging.quality import NUM_LOSSES, judge_accuracy, judge_losses


def _by_seed(*values):
    return dict(enumerate(values))


@pytest.mark.parametrize(
    ("base", "head", "verdict"),
    [
        ((0.8, 0.81, 0.82, 0.8), (0.8, 0.81, 0.82, 0.8), "PASS"),
        ((0.8, 0.81, 0.82, 0.8), (0.6, 0.62, 0.61, 0.6), "FAIL"),
        ((0.6, 0.61, 0.62, 0.6), (0.8, 0.81, 0.82, 0.8), "IMPROVED"),
        ((0.8, 0.81, 0.82, 0.8), (0.794, 0.803, 0.812, 0.794), "WARN"),
        ((0.8, 0.81, 0.82, 0.8), (0.9, 0.7, 0.85, 0.75), "INCONCLUSIVE"),
    ],
)
def test_head_must_be_shown_not_to_be_worse(base, head, verdict):
    finding = judge_accuracy("full", _by_seed(*base), _by_seed(*head))
    assert finding.verdict == verdict
    assert finding.low <= finding.change <= finding.high
    assert finding.change == pytest.approx(finding.head - finding.base)


def test_a_finding_says_points():
    finding = judge_accuracy("full", _by_seed(0.8, 0.8, 0.8, 0.8), _by_seed(0.7, 0.9, 0.75, 0.85))
    assert finding.reason.startswith("+0.0 points (")
    assert finding.reason.endswith("points, the margin is 1.0")


@pytest.mark.parametrize(
    ("base", "head", "reason"),
    [
        ({}, {}, "no seed"),
        (_by_seed(0.8, 0.8), _by_seed(0.8), "seeds 1 were measured on one side only"),
        (_by_seed(0.8, 0.8), _by_seed(0.8, 0.8), "2 seeds, and 4 are needed"),
        (_by_seed(0.8), _by_seed(math.nan), "an accuracy is not a number"),
    ],
)
def test_accuracy_that_was_not_measured_is_never_green(base, head, reason):
    finding = judge_accuracy("full", base, head)
    assert (finding.verdict, finding.reason) == ("NOT_MEASURED", reason)


def test_first_losses_catch_a_change_of_numbers():
    base = {0: [0.7 - 0.01 * step for step in range(40)]}
    moved = {0: [*base[0][:5], base[0][5] * 1.005, *base[0][6:]]}
    late = {0: [*base[0][:NUM_LOSSES], 9.0, *base[0][NUM_LOSSES + 1 :]]}
    assert judge_losses("full", base, base).verdict == "PASS"
    assert judge_losses("full", base, late).verdict == "PASS"
    assert judge_losses("full", base, moved, amp=True).verdict == "PASS"
    finding = judge_losses("full", base, moved)
    assert finding.verdict == "FAIL"
    assert finding.reason == "the losses of the first steps move by 5.0e-03 at step 6 of seed 0; 1e-03 is allowed"


@pytest.mark.parametrize(
    ("base", "head", "verdict", "reason"),
    [
        ({0: [0.7]}, {1: [0.7]}, "NOT_MEASURED", "no seed was run on both sides"),
        ({0: []}, {0: []}, "NOT_MEASURED", "seed 0 has 0 first losses of base and 0 of head"),
        ({0: [0.7, 0.6]}, {0: [0.7]}, "NOT_MEASURED", "seed 0 has 2 first losses of base and 1 of head"),
        ({0: [math.nan]}, {0: [0.7]}, "NOT_MEASURED", "the loss of base is not a number at step 1 of seed 0"),
        ({0: [0.7, 0.6]}, {0: [0.7, math.nan]}, "FAIL", "the loss of head became nan at step 2 of seed 0"),
    ],
)
def test_losses_that_cannot_be_compared(base, head, verdict, reason):
    finding = judge_losses("full", base, head)
    assert (finding.verdict, finding.reason) == (verdict, reason)
