"""Letters of ties, and who makes whom pointless."""

import pytest

from bench.analysis.comparison import compare


@pytest.mark.parametrize("num", [2, 3, 4])
def test_letters_are_missing_where_nothing_was_compared(make_record, num):
    records = [make_record(f"s{index}", seed=0) for index in range(num)] + [make_record("late", seed=1)]
    letters = compare(records, "s0").ranking.letters["samples_per_second"]
    assert set(letters) == {f"s{index}" for index in range(num)}
