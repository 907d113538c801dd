from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.forecasting.largest import largest

if TYPE_CHECKING:
    from collections.abc import Callable

MOST = 200
LINES = st.lists(st.tuples(st.integers(0, 500), st.integers(0, 50)), min_size=1, max_size=4)


def highest(lines: list[tuple[int, int]]) -> Callable[[int], int]:
    return lambda rows: max(fixed + per_row * rows for fixed, per_row in lines)


def by_all(peak: Callable[[int], int], memory: int, most: int) -> int:
    return max((rows for rows in range(1, most + 1) if peak(rows) <= memory), default=0)


class Looks:
    """Counts the looks at a peak."""

    def __init__(self, peak: Callable[[int], int]) -> None:
        self.peak, self.at = peak, list[int]()

    def __call__(self, rows: int) -> int:
        assert rows not in self.at
        self.at.append(rows)
        return self.peak(rows)


@given(LINES, st.integers(0, 3000), st.integers(1, MOST), st.integers(1, MOST))
def test_it_is_what_a_look_at_every_number_finds(
    lines: list[tuple[int, int]], memory: int, most: int, first: int
) -> None:
    peak = Looks(highest(lines))
    found = largest(peak, memory, most=most, first=min(first, most))
    assert found == by_all(peak.peak, memory, most)
    assert max(peak.at) <= most
    assert len(peak.at) <= 22
    assert found == most or found + 1 in peak.at
    assert not found or found in peak.at


@given(st.lists(st.integers(0, 20), min_size=MOST, max_size=MOST), st.integers(0, 2000), st.integers(1, MOST))
def test_any_peak_that_never_falls_is_searched_to_its_end(steps: list[int], memory: int, first: int) -> None:
    peaks = [sum(steps[:rows]) for rows in range(MOST + 1)]
    assert largest(peaks.__getitem__, memory, most=MOST, first=first) == by_all(peaks.__getitem__, memory, MOST)


@pytest.mark.parametrize(
    ("lines", "memory", "found", "num_looks"),
    [
        ([(16_000, 430)], 80_000, 148, 4),  # a line, beyond the second look
        ([(16_000, 430)], 40_000, 55, 4),  # between the first and the second
        ([(16_000, 4_300)], 80_000, 14, 4),  # below the first
        ([(60_000, 10), (16_000, 430)], 80_000, 148, 5),  # the optimizer's own peak first, then that of rows
        ([(60_000, 10), (16_000, 4_300)], 80_000, 14, 5),
        ([(100_000, 1)], 80_000, 0, 2),
        ([(1_000, 1)], 80_000, 4096, 3),
        ([(1_000, 0)], 80_000, 4096, 3),
    ],
)
def test_a_peak_of_one_or_two_lines_takes_few_looks(
    lines: list[tuple[int, int]], memory: int, found: int, num_looks: int
) -> None:
    peak = Looks(highest(lines))
    assert largest(peak, memory, most=4096, first=16) == found
    assert len(peak.at) <= num_looks
