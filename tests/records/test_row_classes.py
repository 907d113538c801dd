from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.records.row_classes import decode, encode, fits


@given(st.integers(2, 10_000), st.data())
def test_classes_are_read_back_as_they_were_written(num_classes: int, data: st.DataObject) -> None:
    numbers = data.draw(st.lists(st.integers(0, num_classes - 1), min_size=1))
    text = encode(numbers, num_classes)
    assert decode(text, num_classes).tolist() == numbers
    assert fits(text, len(numbers), [str(number) for number in range(num_classes)])
    assert len(text) == len(numbers) * (1 if num_classes <= 62 else 2 if num_classes <= 62**2 else 3)


@pytest.mark.parametrize(("text", "num_rows"), [("01", 3), ("012", 3), ("0é0", 3), ("0-0", 3), ("", 1), ("00000", 3)])
def test_what_is_no_class_for_each_row_does_not_fit(text: str, num_rows: int) -> None:
    assert not fits(text, num_rows, ["a", "b"])
    assert fits("010", 3, ["a", "b"])
    assert fits("", 0, ["a", "b"])
