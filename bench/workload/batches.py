"""The order of batches: the same for every strategy, a function of seed and data alone.

Rows are shuffled, then sorted by length within windows of a few batches, so that a batch
holds rows of similar length and computes little padding, and which rows meet stays random.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from bench.workload.data import Split

__all__ = ["Batch", "collate", "longest_batch", "ordered_batches", "sorted_batches"]

WINDOW = 8
"""Batches per window: padding falls from 1.83 to 1.14 times the real tokens of short reviews."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows that take one forward pass together, padded on the right."""

    input_ids: torch.Tensor  # (rows, tokens), int64
    attention_mask: torch.Tensor  # (rows, tokens), int64; 1 where a token is real
    labels: torch.Tensor  # (rows,), int64
    num_tokens: int
    """Real tokens; padding is not counted."""

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.labels)

    def to(self, device: torch.device) -> Batch:
        """Copy the batch to `device`."""
        return Batch(
            self.input_ids.to(device, non_blocking=True),
            self.attention_mask.to(device, non_blocking=True),
            self.labels.to(device, non_blocking=True),
            self.num_tokens,
        )


def ordered_batches(lengths: NDArray[np.integer], batch_size: int, *, seed: int, epoch: int) -> list[NDArray[np.int64]]:
    """Draw the batches of one epoch: row numbers, every row once, the last batch perhaps smaller."""
    rng = np.random.default_rng((seed, epoch))
    order = rng.permutation(len(lengths))
    batches: list[NDArray[np.int64]] = []
    for window in _slices(order, WINDOW * batch_size):
        by_length = window[np.argsort(lengths[window], kind="stable")]
        batches.extend(_slices(by_length, batch_size))
    # A short batch stays last, so that all others have the same size.
    full, rest = [b for b in batches if len(b) == batch_size], [b for b in batches if len(b) < batch_size]
    return [full[i] for i in rng.permutation(len(full))] + rest


def sorted_batches(lengths: NDArray[np.integer], batch_size: int) -> list[NDArray[np.int64]]:
    """Batch rows by length, for evaluation, where order does not matter."""
    return list(_slices(np.argsort(lengths, kind="stable"), batch_size))


def longest_batch(lengths: NDArray[np.integer], batch_size: int) -> NDArray[np.int64]:
    """Pick the rows that need the most memory, to find out early whether they fit."""
    return np.sort(np.argsort(lengths, kind="stable")[-batch_size:])


def collate(split: Split, rows: NDArray[np.int64] | Sequence[int], pad_token_id: int) -> Batch:
    """Pad the given rows of a split to the longest of them."""
    lengths = split.lengths[rows]
    positions = np.arange(int(lengths.max()))
    mask = positions < lengths[:, None]  # (rows, tokens)
    input_ids = np.full(mask.shape, pad_token_id, dtype=np.int64)
    input_ids[mask] = np.concatenate([split.row(row) for row in rows])
    return Batch(
        torch.from_numpy(input_ids),
        torch.from_numpy(mask.astype(np.int64)),
        torch.from_numpy(split.labels[rows].astype(np.int64)),
        int(lengths.sum()),
    )


def micro_batches(rows: NDArray[np.int64], size: int | None) -> Iterator[NDArray[np.int64]]:
    """Cut the rows of one optimizer step into those of its forward passes."""
    return _slices(rows, size or len(rows))


def _slices(rows: NDArray[np.int64], size: int) -> Iterator[NDArray[np.int64]]:
    return (rows[start : start + size] for start in range(0, len(rows), size))
