"""The order of batches: a function of seed and data alone, and so the same for every strategy.

Rows are shuffled, then sorted by length within windows of a few batches, so that the rows of a
batch have similar lengths and need little padding, and are still drawn at random.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["by_token_budget", "longest_batch", "micro_batches", "ordered_batches"]

WINDOW = 8
"""Batches per window: on short reviews, padded tokens fall from 1.83 to 1.14 times the real ones."""


def ordered_batches(lengths: NDArray[np.integer], batch_size: int, *, seed: int, epoch: int) -> list[NDArray[np.int64]]:
    """Draw the batches of one epoch as row numbers: every row once, the last batch perhaps smaller."""
    rng = np.random.default_rng((seed, epoch))
    order = rng.permutation(len(lengths))
    batches: list[NDArray[np.int64]] = []
    for window in _slices(order, WINDOW * batch_size):
        by_length = window[np.argsort(lengths[window], kind="stable")]
        batches.extend(_slices(by_length, batch_size))
    # The smaller batch stays last, so that all others have the same size.
    full, rest = [b for b in batches if len(b) == batch_size], [b for b in batches if len(b) < batch_size]
    return [full[i] for i in rng.permutation(len(full))] + rest


def longest_batch(lengths: NDArray[np.integer], batch_size: int) -> NDArray[np.int64]:
    """Return the batch that needs the most memory, to find out early whether it fits."""
    return np.sort(np.argsort(lengths, kind="stable")[-batch_size:])


def by_token_budget(lengths: NDArray[np.integer], rows: NDArray[np.int64], budget: int) -> Iterator[NDArray[np.int64]]:
    """Split `rows`, sorted by length, into parts of at most `budget` padded tokens, or of one row."""
    rows = rows[np.argsort(lengths[rows], kind="stable")]
    start = 0
    for end in range(1, len(rows) + 1):
        if end == len(rows) or (end + 1 - start) * lengths[rows[end]] > budget:
            yield rows[start:end]
            start = end


def micro_batches(rows: NDArray[np.int64], size: int | None) -> Iterator[NDArray[np.int64]]:
    """Split the rows of one optimizer step into those of its forward passes."""
    return _slices(rows, size or len(rows))


def _slices(rows: NDArray[np.int64], size: int) -> Iterator[NDArray[np.int64]]:
    return (rows[start : start + size] for start in range(0, len(rows), size))
