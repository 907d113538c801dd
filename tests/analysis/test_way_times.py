from __future__ import annotations

from bench.analysis.way_times import in_words, sums_of

FULL = {"packed-varlen": (2.0, 3.0), "rows": (1.0, 1.5), "padded": (4.0, 4.0)}
FREEZE = {"padded": (1.0, 1.0), "packed-varlen": (0.5, 0.25)}


def test_ways_that_all_strategies_have_are_summed_turn_by_turn() -> None:
    assert sums_of({"full": FULL, "freeze": FREEZE}) == {"packed-varlen": [2.5, 3.25], "padded": [5.0, 5.0]}
    assert sums_of({"full": FULL, "freeze": {}}) == sums_of({}) == {}


def test_each_way_is_told_by_its_fastest_turn() -> None:
    assert in_words({"full": FULL, "freeze": FREEZE}) == "packed-varlen 2.5 s, padded 5 s"
    assert in_words({}) == ""
