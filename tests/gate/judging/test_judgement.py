from dataclasses import replace

import pytest

from bench.gate.judging.judgement import Finding, Judgement, Side

BASE, HEAD = Side("main"), Side("feature")


def _judgement(*words):
    return Judgement(tuple(Finding("full", "accuracy", word, "why") for word in words), BASE, HEAD)


@pytest.mark.parametrize(
    ("words", "verdict", "code", "strict"),
    [
        (["PASS"], "PASS", 0, 0),
        (["PASS", "IMPROVED"], "IMPROVED", 0, 0),
        (["WARN", "IMPROVED"], "WARN", 0, 0),
        (["WARN", "INCONCLUSIVE"], "INCONCLUSIVE", 0, 3),
        (["INCONCLUSIVE", "NOT_MEASURED"], "NOT_MEASURED", 4, 4),
        (["FAIL", "NOT_MEASURED", "PASS"], "FAIL", 1, 1),
        ([], "NOT_MEASURED", 4, 4),
    ],
)
def test_the_most_severe_verdict_decides(words, verdict, code, strict):
    judgement = _judgement(*words)
    assert judgement.verdict == verdict
    assert (judgement.exit_code(), judgement.exit_code(strict=True)) == (code, strict)


def test_a_crash_of_head_comes_first():
    judgement = replace(_judgement("FAIL"), head_crashed="killed by signal 9")
    assert (judgement.verdict, judgement.exit_code()) == ("NOT_MEASURED", 5)


def test_counts_and_order(judgement):
    assert list(judgement.counts) == ["FAIL", "NOT_MEASURED", "INCONCLUSIVE", "WARN", "IMPROVED", "PASS"]
    assert judgement.by_severity[0].id == "tests/test_x.py::test_a[1-2] step_seconds_median"
