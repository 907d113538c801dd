"""The plain way: rows padded to the longest of their batch, on the right if the model bears it, and its own attention."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from bench.errors import Unsupported
from bench.measuring.flops import Extent
from bench.tasks.classification import targets_of
from bench.training.forward.batch import Batch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import nn
    from transformers import PreTrainedModel

    from bench.training.forward.base import LayeredForward
    from bench.training.precision import Precision
    from bench.workload.data.dataset import Split

__all__ = ["PaddedForward", "collate", "untried"]


class PaddedForward:
    """Runs any classifier of transformers on padded rows."""

    def __init__(self, model: nn.Module, pad_token_id: int, *, on_the_left: bool = False) -> None:
        """Call `model`, padding with `pad_token_id`."""
        self._model, self._pad_token_id, self.on_the_left = model, pad_token_id, on_the_left

    def batch(self, split: Split, rows: NDArray[np.int64] | Sequence[int]) -> Batch:
        """Pad the given rows of a split, on the CPU."""
        return collate(split, rows, self._pad_token_id, on_the_left=self.on_the_left)

    plain_batch = batch

    def logits(self, batch: Batch) -> torch.Tensor:
        """Run the model: (rows, labels)."""
        logits: torch.Tensor = self._model(**batch.inputs).logits
        return logits

    def extent(self, lengths: NDArray[np.integer]) -> Extent:
        """How much one pass works on: rows as long as the longest."""
        return Extent.padded(lengths.tolist())

    def kernel_size(self, lengths: NDArray[np.integer]) -> tuple[int, int]:
        """Rows, and tokens of the longest."""
        return len(lengths), int(lengths.max())

    def layered(self) -> LayeredForward:
        """No padded model stores the output of its layers.

        Raises:
            Unsupported: always.

        """
        raise Unsupported("cached stores the output of layers on packs or rows, and here the model is padded")

    def close(self) -> None:
        """Leave the model as it was: nothing was changed."""


def untried(
    outer: nn.Module, _model: PreTrainedModel, _split: Split, pad_token_id: int, _precision: Precision, /, **_: object
) -> tuple[PaddedForward, None]:
    """Choose it without a trial: for a model that trains no more."""
    return PaddedForward(outer, pad_token_id), None


def collate(
    split: Split, rows: NDArray[np.int64] | Sequence[int], pad_token_id: int, *, on_the_left: bool = False
) -> Batch:
    """Pad the given rows of a split to the longest of them."""
    lengths = split.lengths[rows]
    mask = np.arange(int(lengths.max())) < lengths[:, None]  # (rows, tokens)
    if on_the_left:
        mask = np.ascontiguousarray(mask[:, ::-1])
    input_ids = np.full(mask.shape, pad_token_id, dtype=np.int64)
    input_ids[mask] = np.concatenate([split.row(row) for row in rows])
    inputs = {"input_ids": torch.from_numpy(input_ids), "attention_mask": torch.from_numpy(mask.astype(np.int64))}
    if split.token_types is not None:
        types = np.zeros(mask.shape, dtype=np.int64)
        types[mask] = np.concatenate([split.types_of(row) for row in rows])
        inputs["token_type_ids"] = torch.from_numpy(types)
    return Batch(inputs=inputs, targets=targets_of(split, rows), num_tokens=int(lengths.sum()), num_computed=mask.size)
