"""What the steps of a forecast are taken on: rows and batches, the same for every strategy."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from bench.workload.data.batches import longest_batch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bench.plan.sharing import Sharing
    from bench.workload.data.dataset import Split

__all__ = ["Training"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """What a step is taken on, the same for every strategy."""

    split: Split
    """The training rows; a step is taken on the longest."""
    has_texts: bool = True
    """Whether these are the tokens of texts, and not any of the right number."""
    pad_token_id: int = 0
    batch_size: int = 16
    micro_batch_size: int | None = None
    """Where no strategy says another."""
    weight_decay: float = 0.01
    max_grad_norm: float = 1.0
    num_epochs: int = 1
    step_rows: NDArray[np.int64] | None = None
    """Of the step; None takes the longest batch, or what a process has of it."""
    num_processes: int = 1
    """That share a step, of which this is what one does."""
    parallel: Sharing | None = None
    """How, where no strategy says so."""

    @property
    def num_steps(self) -> int:
        """Of the run."""
        return self.num_epochs * math.ceil(len(self.split) / self.batch_size)

    @property
    def num_rows(self) -> int:
        """Of a step, at most; of several processes those of one."""
        return math.ceil(min(self.batch_size, len(self.split)) / self.num_processes)

    @property
    def rows(self) -> NDArray[np.int64]:
        """Of the step; of several processes those of the one with the longest."""
        if self.step_rows is not None:
            return self.step_rows
        batch, lengths = self.rows_of_all, self.split.lengths
        if self.num_processes == 1:
            return batch
        return np.sort(batch[np.argsort(lengths[batch], kind="stable")[:: -self.num_processes]])

    @property
    def rows_of_all(self) -> NDArray[np.int64]:
        """Of the step, of all processes."""
        if self.step_rows is not None:
            return np.repeat(self.step_rows, self.num_processes)
        return longest_batch(self.split.lengths, self.batch_size)

    def in_passes_of(self, num_rows: int) -> Training:
        """Take the step in forward passes of so many rows, all of which are the longest, some more than once if they are too few.

        Fewer than a process has of a batch make two passes: the second has the gradients of the first beside it, and so has any other.
        """
        longest_first = np.argsort(self.split.lengths, kind="stable")[::-1]
        num_passes = 1 if num_rows >= self.num_rows else 2
        rows = np.tile(np.resize(longest_first, num_rows), num_passes)
        return replace(self, step_rows=rows, micro_batch_size=num_rows)
