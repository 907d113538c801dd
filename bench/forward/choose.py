"""Packed where the model agrees, padded where it does not."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch

from bench.errors import ModelError
from bench.forward.packed import PackedForward
from bench.forward.padded import PaddedForward
from bench.workload.causes import first_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import nn
    from transformers import PreTrainedModel

    from bench.forward.batch import Batch
    from bench.workload.data import Split

__all__ = ["Forward", "choose_forward"]

TOLERANCES = {torch.float32: 1e-4, torch.bfloat16: 5e-2, torch.float16: 1e-2}
"""By type of the weights: how far packed logits may be from padded ones, relative to the largest."""


PICKS = ((True, True), (True, False), (False, False))
"""Early, and inside the last layer: the least work first."""


class Forward(Protocol):
    """A way to run a classifier on rows of a split."""

    def batch(self, split: Split, rows: NDArray[np.int64] | Sequence[int], /) -> Batch:
        """Put rows together, on the CPU."""
        ...

    def logits(self, batch: Batch, /) -> torch.Tensor:
        """Run the model: (rows, labels)."""
        ...

    def close(self) -> None:
        """Leave the model as it was."""
        ...


def choose_forward(
    outer: nn.Module, model: PreTrainedModel, split: Split, pad_token_id: int
) -> tuple[PackedForward, None] | tuple[PaddedForward, str]:
    """Pack if the packed model answers like the plain one on some rows of `split`; else pad, and say why.

    Args:
        outer: What is called: the model itself, or an adapter around it.
        model: The classifier of transformers inside.
        split: Any rows; four of them, from the shortest to a long one, are tried.
        pad_token_id: Of the model's tokenizer.

    """
    padded = PaddedForward(outer, pad_token_id)
    rows = np.argsort(split.lengths, kind="stable")[[0, len(split) // 4, len(split) // 2, 3 * len(split) // 4]]
    training = outer.training
    outer.eval()
    try:
        wanted = _answer(padded, split, rows, outer)
        reasons = []
        kernels = (True, False) if next(outer.parameters()).is_cuda else (False,)
        for various_lengths, (picks_early, picks_inside) in product(kernels, PICKS):
            try:
                packed = PackedForward(
                    outer,
                    model,
                    picks_early=picks_early,
                    picks_inside=picks_inside,
                    various_lengths=various_lengths,
                )
            except ModelError as error:
                return padded, str(error)
            try:
                difference = float((_answer(packed, split, rows, outer) - wanted).abs().max() / wanted.abs().max())
            except Exception as error:  # noqa: BLE001  (a body that was not made for packs may fail in any way)
                reasons.append(first_line(error))
            else:
                if difference <= TOLERANCES[next(outer.parameters()).dtype]:
                    return packed, None
                reasons.append(f"packed and padded logits differ by {difference:.1g} of the largest")
            packed.close()
        return padded, reasons[-1]
    finally:
        outer.train(training)


@torch.no_grad()
def _answer(forward: Forward, split: Split, rows: NDArray[np.int64], outer: nn.Module) -> torch.Tensor:
    batch = forward.batch(split, rows).to(next(outer.parameters()).device)
    return forward.logits(batch).float()
