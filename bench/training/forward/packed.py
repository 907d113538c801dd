"""The fast way: the rows of a batch end to end in one, so that nothing outside attention computes padding.

On a GPU a packed batch ends with a sequence that is no row, which fills it up to a
multiple of `GRAIN` tokens: a GPU chooses its kernels by size, and loading each takes longer than many a step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from bench.measuring.flops import Extent
from bench.tasks.classification import targets_of
from bench.training.forward.batch import Batch
from bench.training.forward.layers import LayersForward
from bench.training.forward.layout import bounds_of, lay_out, num_pairs
from bench.workload.models.load import first_position

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import nn
    from transformers import PreTrainedModel

    from bench.workload.data.dataset import Split

__all__ = ["GRAIN", "PackedForward"]

GRAIN = 64
"""Tokens: no more are filled up than the smallest tiles of a GPU's matmuls compute for nothing anyway."""


class PackedForward(LayersForward):
    """Runs a classifier on packed rows, and can start above layers whose output is stored."""

    _of_picked = (1, -1)

    def __init__(
        self,
        outer: nn.Module,
        model: PreTrainedModel,
        *,
        picks_early: bool = True,
        picks_inside: bool = False,
        various_lengths: bool = False,
        fills_up: bool = False,
    ) -> None:
        """Prepare `model`, inside `outer` (itself, or an adapter around it), to be called with packed batches.

        `picks_early` and `picks_inside` are those of every `LayersForward`.
        `various_lengths` takes kernels for them, which a GPU has, and `fills_up` batches to whole GRAINs.
        """
        super().__init__(outer, model, picks_early=picks_early, picks_inside=picks_inside)
        self.various_lengths, self._fills_up = various_lengths, fills_up
        self._first_position = first_position(model.config)

    def batch(self, split: Split, rows: NDArray[np.int64] | Sequence[int]) -> Batch:
        """Pack the given rows of a split, on the CPU."""
        return self._pack(split, rows, various_lengths=self.various_lengths, fills_up=self._fills_up)

    def plain_batch(self, split: Split, rows: NDArray[np.int64] | Sequence[int]) -> Batch:
        """Pack rows so that attention spreads them out, without what fills a batch up."""
        return self._pack(split, rows, various_lengths=False, fills_up=False)

    def _pack(
        self, split: Split, rows: NDArray[np.int64] | Sequence[int], *, various_lengths: bool, fills_up: bool
    ) -> Batch:
        tokens = np.concatenate([split.row(row) for row in rows]).astype(np.int64)
        types = np.zeros_like(tokens)
        if split.token_types is not None:
            types = np.concatenate([split.types_of(row) for row in rows]).astype(np.int64)
        lengths, num_tokens = split.lengths[rows], len(tokens)
        last_position = lengths.max() - 1
        if fills_up and (num_missing := -num_tokens % GRAIN):
            lengths = np.append(lengths, num_missing)
            tokens = np.append(tokens, np.full(num_missing, tokens[0]))
            types = np.append(types, np.zeros_like(tokens, shape=num_missing))
        ends = np.cumsum(lengths)
        starts = ends - lengths
        # What fills a batch up may be longer than any row, and a model has only so many positions.
        positions = np.minimum(np.arange(len(tokens)) - np.repeat(starts, lengths), last_position)
        body = {"input_ids": tokens, "position_ids": positions + self._first_position}
        if self._has_token_types:
            body["token_type_ids"] = types
        picked = ends - 1 if self._picks_last else starts
        return Batch(
            inputs={"input_ids": torch.from_numpy(tokens[picked][:, None])},
            targets=targets_of(split, rows),
            num_tokens=num_tokens,
            num_computed=len(tokens),
            body={name: torch.from_numpy(ids[None]) for name, ids in body.items()},  # each (1, tokens)
            layout=(bounds_of if various_lengths else lay_out)(lengths),
            picked=torch.from_numpy(picked),
        )

    def extent(self, lengths: NDArray[np.integer]) -> Extent:
        """How much one pass works on: attention pads each half of the rows, unless its kernel takes various lengths."""
        if self.various_lengths:
            return Extent.packed(lengths.tolist())
        return Extent.packed(lengths.tolist(), num_pairs=num_pairs(lengths))

    def kernel_size(self, lengths: NDArray[np.integer]) -> tuple[int, int]:
        """Rows, and tokens in whole GRAINs."""
        return len(lengths), -(-int(lengths.sum()) // GRAIN)

    def _stored(self, hidden: torch.Tensor, _batch: Batch) -> torch.Tensor:
        return hidden.flatten(0, 1)

    def _placed(self, vectors: torch.Tensor, batch: Batch) -> torch.Tensor:
        if num_missing := batch.body["input_ids"].numel() - len(
            vectors
        ):  # tokens that fill the batch up are not stored
            vectors = torch.cat([vectors, vectors.new_zeros(num_missing, vectors.shape[1])])
        return vectors.unsqueeze(0)
