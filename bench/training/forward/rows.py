"""The way with the fewest operations: each row padded on its right to the longest, and attended to as it is.

A causal model that is read at a row's last token needs no mask: what stands behind that token cannot change it. For any
other, attention hides padding. Above the last layer the picked tokens alone go on.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from bench.measuring.flops import Extent
from bench.training.forward.layers import LayersForward
from bench.training.forward.layout import Rows
from bench.training.forward.padded import collate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import nn
    from transformers import PreTrainedModel

    from bench.training.forward.batch import Batch
    from bench.workload.data.dataset import Split

__all__ = ["RowsForward"]


class RowsForward(LayersForward):
    """Runs a classifier on padded rows, and can start above layers whose output is stored."""

    _of_picked = (-1, 1)

    def __init__(
        self,
        outer: nn.Module,
        model: PreTrainedModel,
        pad_token_id: int,
        *,
        picks_early: bool = True,
        picks_inside: bool = False,
    ) -> None:
        """Prepare `model`, inside `outer`, to be called with rows that are padded with `pad_token_id`."""
        super().__init__(outer, model, picks_early=picks_early, picks_inside=picks_inside)
        self._pad_token_id = pad_token_id

    def batch(self, split: Split, rows: NDArray[np.int64] | Sequence[int]) -> Batch:
        """Pad the given rows of a split, on the CPU."""
        padded = collate(split, rows, self._pad_token_id)
        lengths = split.lengths[rows]
        places = lengths - 1 if self._picks_last else np.zeros_like(lengths)
        tokens = np.array([split.row(row)[place] for row, place in zip(rows, places, strict=True)], dtype=np.int64)
        picked = np.arange(len(lengths)) * lengths.max() + places
        return replace(
            padded,
            inputs={"input_ids": torch.from_numpy(tokens[:, None])},
            body={name: ids for name, ids in padded.inputs.items() if name != "attention_mask"},  # each (rows, longest)
            layout=Rows.of(lengths),
            picked=torch.from_numpy(picked),
        )

    plain_batch = batch

    def extent(self, lengths: NDArray[np.integer]) -> Extent:
        """How much one pass works on: rows as long as the longest."""
        return Extent.padded(lengths.tolist())

    def kernel_size(self, lengths: NDArray[np.integer]) -> tuple[int, int]:
        """Rows, and tokens of the longest."""
        return len(lengths), int(lengths.max())

    def _stored(self, hidden: torch.Tensor, batch: Batch) -> torch.Tensor:
        return hidden.flatten(0, 1).index_select(0, _layout(batch).homes)

    def _placed(self, vectors: torch.Tensor, batch: Batch) -> torch.Tensor:
        rows, longest = batch.body["input_ids"].shape
        places = vectors.new_zeros(rows * longest, vectors.shape[1])
        return places.index_copy_(0, _layout(batch).homes, vectors).view(rows, longest, -1)


def _layout(batch: Batch) -> Rows:
    assert isinstance(batch.layout, Rows)
    return batch.layout
