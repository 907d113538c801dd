"""The largest number of rows whose peak fits a memory, from few looks at the peak of so many rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["largest"]

STRIDE = 8
"""The second look, where the first fits, is at so many times its rows."""
NUM_STRAIGHT = 5
"""Looks after which every second one halves what is left: by then a peak that is close to lines is found."""


def largest(peak: Callable[[int], int], memory: int, *, most: int, first: int) -> int:
    """Find the largest number of rows whose peak is no more than `memory`; 0 where that of one row is more.

    A peak is the highest of several lines in the number of rows, and one of them mostly, so that the next look is where
    a line through two others meets the memory. What is found is right for every peak that never falls: that of one row
    more, unless it is beyond `most`, has been looked at.

    Args:
        peak: Of so many rows: never falls as they grow.
        memory: In the unit of the peak.
        most: Rows to look at, at most.
        first: Rows to look at first, at most `most`.

    """
    peaks: dict[int, int] = {}
    fits, too_many, rows = 0, most + 1, first
    while True:
        peaks[rows] = peak(rows)
        if peaks[rows] <= memory:
            fits = rows
        else:
            too_many = rows
        if too_many - fits == 1:
            return fits
        rows = min(max(_next(peaks, memory, fits, too_many, most), fits + 1), too_many - 1)


def _next(peaks: Mapping[int, int], memory: int, fits: int, too_many: int, most: int) -> int:
    """Choose where to look next: any number will do, which is then brought between what fits and what does not."""
    if not fits:
        return 1
    if len(peaks) == 1:
        return STRIDE * fits
    if len(peaks) >= NUM_STRAIGHT and len(peaks) % 2:
        return (fits + too_many) // 2
    below = max((rows for rows in peaks if rows < fits), default=fits)
    one, other = (fits, too_many) if too_many <= most else (below, fits)
    rise = peaks[other] - peaks[one]
    return fits + (memory - peaks[fits]) * (other - one) // rise if rise > 0 else most
