"""The order in which the files of both sides were recorded: whether they took turns, and a trend over them.

On a machine that becomes slower, whatever is measured later looks slower. Where the sides take turns, a
linear trend over the turns is fitted together with the change, so that no pairs are needed; a drift
slower than the turns only makes the noise look larger than it is. Where the trend is so steep that its
shape matters (a machine that becomes slower by a tenth from pair to pair), it is not trusted: a
benchmark is slower only if it is so with and without the trend.
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
    """The linear model of one logarithm per process, for one order of processes."""

    contrast: NDArray[np.float64]
    """(processes,): weights whose sum over the processes is the change of head against base."""
    plain_contrast: NDArray[np.float64]
    """(processes,): the same without a trend, the difference of two means."""
    residual_maker: NDArray[np.float64]
    """(processes, processes): the matrix that removes sides and trend."""
    degrees: int
    """Degrees of freedom of the residuals."""

    @property
    def variance(self) -> float:
        """The variance of the change for a variance of one of single processes."""
        return float(self.contrast @ self.contrast)


def are_in_turns(is_head: Sequence[bool]) -> bool:
    """Whether neither side was ever ahead of the other by two of its processes, relative to their numbers."""
    head = np.asarray(is_head, dtype=bool)
    num_head, num_base = int(head.sum()), int((~head).sum())
    ahead = np.cumsum(head) / num_head - np.cumsum(~head) / num_base
    return bool(np.abs(ahead).max() * min(num_head, num_base) < 2 - 1e-9)


@lru_cache(maxsize=64)
def turns_of(is_head: tuple[bool, ...]) -> Turns:
    """Return the model of both sides, with a trend where they took turns; each side has at least two processes."""
    head = np.asarray(is_head, dtype=np.float64)
    columns: list[NDArray[np.float64]] = [np.ones_like(head), head]
    if are_in_turns(is_head):
        columns.append(np.arange(len(head), dtype=np.float64) - (len(head) - 1) / 2)
    fitted = np.column_stack(columns)
    inverse = np.linalg.pinv(fitted)
    plain = head / head.sum() - (1 - head) / (1 - head).sum()
    return Turns(inverse[1], plain, np.eye(len(head)) - fitted @ inverse, len(head) - len(columns))
