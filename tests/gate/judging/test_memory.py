import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.gate.judging.memory import judge_memory

MIB = 2**20


def _judged(base, head):
    return judge_memory("full", [int(size * MIB) for size in base], [int(size * MIB) for size in head])


@pytest.mark.parametrize(
    ("base", "head", "verdict"),
    [
        ([500, 501], [500, 502], "PASS"),
        ([500, 501, 500, 502], [532, 533, 532, 534], "FAIL"),
        ([100, 100], [106, 106], "WARN"),  # 6 %, and only 6 MiB
        ([100, 100], [103, 103], "PASS"),
        ([2000, 2000], [2030, 2030], "WARN"),  # 30 MiB, and only 1.5 %
        ([2000, 2000], [2010, 2010], "PASS"),
        ([532, 533], [500, 501], "IMPROVED"),
        ([500, 600], [560, 620], "INCONCLUSIVE"),
        ([620, 560], [500, 600], "INCONCLUSIVE"),
        ([500, 600], [550, 550], "INCONCLUSIVE"),
        ([500], [600], "INCONCLUSIVE"),
        ([500], [500], "INCONCLUSIVE"),
    ],
)
def test_ratio_and_bytes_must_both_be_exceeded(base, head, verdict):
    assert _judged(base, head).verdict == verdict


def test_a_finding_says_how_much():
    finding = _judged([500, 500], [532, 532])
    assert finding.reason == "32 MiB more, 6.4% of base"
    assert finding.change == pytest.approx(0.064)
    assert "differ by 20.0%" in _judged([500, 600], [550, 550]).reason
    assert "2 processes per side must agree" in _judged([500], [500]).reason


@pytest.mark.parametrize(("base", "head", "word"), [([], [1], "base"), ([1], [], "head"), ([1, 0], [1], "zero")])
def test_what_was_not_measured_is_never_green(base, head, word):
    finding = _judged(base, head)
    assert finding.verdict == "NOT_MEASURED"
    assert word in finding.reason


@given(st.integers(1, 2**40), st.floats(1.021, 3), st.integers(2, 6))
def test_steady_peaks_fail_exactly_above_both_limits(size, factor, number):
    head = int(size * factor) + 1
    finding = judge_memory("full", [size] * number, [head] * number)
    red = head - size > 8 * MIB and head > 1.02 * size
    assert (finding.verdict == "FAIL") == red
