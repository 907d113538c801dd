"""The one process of a run that is not shared: its rows are all rows, and there is nobody to tell anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.training.parallel.base import Whole
from bench.workload.data.batches import micro_batches

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import torch
    from numpy.typing import NDArray

__all__ = ["Single"]


class Single(Whole):
    """Does what a loop without ranks would do, and no operation more."""

    rank, num_ranks = 0, 1

    def passes(self, rows: NDArray[np.int64], size: int | None, /) -> list[tuple[NDArray[np.int64], float]]:
        """All rows, in order."""
        return [(part, len(part) / len(rows)) for part in micro_batches(rows, size)]

    def last_backward(self, _params: object, /) -> None:
        """Wait for nothing of it."""

    def reduce(self, loss: torch.Tensor, _mark: object, /) -> torch.Tensor:
        """Leave the gradients and the loss as they are."""
        return loss

    def differ(self, _params: object, /) -> bool:
        """Whether it is unlike itself."""
        return False

    def gather(self, numbers: Sequence[float], /) -> list[list[float]]:
        """Return the numbers of the one rank."""
        return [list(numbers)]
