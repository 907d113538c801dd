import math

import pytest

from bench.errors import UnknownName, UsageError
from bench.experiment.budget import Budget


def test_a_budget_is_read_as_it_is_written():
    given = {"memory": "16GiB", "max_time": "2 h", "min_accuracy": 0.85, "risk": "10%", "samples": 5000}
    expected = Budget(memory=16 * 2**30, max_time=7200, min_accuracy=0.85, samples=5000, risk=pytest.approx(0.1))
    assert Budget.of(given) == expected
    assert Budget.of({"maximize": "throughput"}) == Budget(maximize="throughput")
    assert not Budget(maximize="throughput").has_bounds


def test_nothing_asked_for_is_no_budget():
    assert Budget.of({}) is None
    assert Budget.of({"memory": None, "risk": None}) is None


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"memory": "1 KiB"}, "--memory: give 1 MiB to 1 EiB, such as 16GiB, not '1 KiB'"),
        ({"memory": 16}, "--memory: 16 of what"),
        ({"memory": True}, "--memory: give 1 MiB"),
        ({"max_time": "0s"}, "--max-time: give 1 ms"),
        ({"max_time": "1e30 s"}, "--max-time: give 1 ms"),
        ({"min_accuracy": 85}, "--min-accuracy: give a share such as 0.85"),
        ({"min_accuracy": math.nan}, "--min-accuracy: 'nan' is no number"),
        ({"min_accuracy": [0.8]}, "--min-accuracy: give a share"),
        ({"memory": "1GiB", "risk": 0}, "--risk: give 0.01% to 50%"),
        ({"memory": "1GiB", "risk": "60%"}, "--risk: give"),
        ({"risk": "5%"}, "--risk belongs to a budget"),
        ({"samples": 0, "max_time": "1h"}, "--samples: give a number of rows from 1"),
        ({"samples": 2.5, "max_time": "1h"}, "--samples: give a number of rows"),
        ({"samples": 10, "memory": "1GiB"}, "--samples needs --max-time"),
        ({"maximize": "time-to-accuracy"}, "needs --min-accuracy"),
        (
            {"maximize": "time-to-accuracy", "min_accuracy": 0.8, "max_time": "1h", "samples": 3},
            "leave one of them out",
        ),
    ],
)
def test_what_is_no_budget_is_refused_in_a_line(given, words):
    with pytest.raises(UsageError, match=words):
        Budget.of(given)


def test_what_is_maximized_has_a_name():
    with pytest.raises(UnknownName, match="Did you mean throughput"):
        Budget.of({"maximize": "thruput"})
