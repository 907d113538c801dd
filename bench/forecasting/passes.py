"""A step of many forward passes, told by two of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from bench.forecasting.duration import StepWork
    from bench.workload.data.dataset import Split

__all__ = ["of_all_passes", "two_at_most"]


def two_at_most(split: Split, first: NDArray[np.int64], others: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Return the rows of the first pass and of the longest of the others: no pass takes more than that, beside the gradients of one."""
    longest = max(others, key=lambda rows: split.lengths[rows].sum(), default=first[:0])
    return np.concatenate([first, longest])


def of_all_passes(
    work: StepWork | None,
    passes: Sequence[StepWork | None],
    split: Split,
    others: Sequence[NDArray[np.int64]],
) -> StepWork | None:
    """Go on from a step with the longest of its other passes to that with all of them, by their tokens."""
    if work is None or not others:
        return work
    one, two = passes
    assert one is not None
    assert two is not None, "what was known of the step is known of its parts"
    tokens = [int(split.lengths[rows].sum()) for rows in others]
    return work.plus(two, less=one, times=sum(tokens) / max(tokens) - 1)
