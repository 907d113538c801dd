"""The order in which the files of both sides were recorded: whether they took turns, and the change that it gives.

A machine that gets slower all the time makes whatever is measured later look slower. Where the sides
take turns, a straight trend over the turns is fitted beside the change, so that no pairs are needed;
what drifts more slowly than the turns go only makes the noise look larger than it is. A trend so steep
that it matters whether it is straight (a machine that gets slower by a tenth from pair to pair) is not
argued with: what is called slower must be so with the trend taken out and without.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["Turns", "are_in_turns", "turns_of"]


@dataclass(frozen=True, slots=True, eq=False)
class Turns:
    """What a sequence of processes makes of one logarithm per process."""

    contrast: NDArray[np.float64]
    """(processes,): weights whose sum over the processes is the change of head against base."""
    plain_contrast: NDArray[np.float64]
    """(processes,): the same without a trend, the difference of two means."""
    residual_maker: NDArray[np.float64]
    """(processes, processes): takes sides and trend out of the processes."""
    degrees: int
    """Of freedom of what is left."""

    @property
    def variance(self) -> float:
        """Of the change, where single processes have a variance of one."""
        return float(self.contrast @ self.contrast)


def are_in_turns(is_head: Sequence[bool]) -> bool:
    """Whether neither side ever ran ahead of the other by two of its processes, however unequal their numbers are."""
    head = np.asarray(is_head, dtype=bool)
    num_head, num_base = int(head.sum()), int((~head).sum())
    ahead = np.cumsum(head) / num_head - np.cumsum(~head) / num_base
    return bool(np.abs(ahead).max() * min(num_head, num_base) < 2 - 1e-9)


@lru_cache(maxsize=64)
def turns_of(is_head: tuple[bool, ...]) -> Turns:
    """Fit both sides, and a trend over the turns where there are turns; each side has two processes at least."""
    head = np.asarray(is_head, dtype=np.float64)
    columns: list[NDArray[np.float64]] = [np.ones_like(head), head]
    if are_in_turns(is_head):
        columns.append(np.arange(len(head), dtype=np.float64) - (len(head) - 1) / 2)
    fitted = np.column_stack(columns)
    inverse = np.linalg.pinv(fitted)
    plain = head / head.sum() - (1 - head) / (1 - head).sum()
    return Turns(inverse[1], plain, np.eye(len(head)) - fitted @ inverse, len(head) - len(columns))
