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
    from bench.precision import Precision
    from bench.workload.data import Split

__all__ = ["Forward", "choose_forward"]

TOLERANCES = {torch.float32: 1e-4, torch.bfloat16: 5e-2, torch.float16: 1e-2}
"""By the type that is computed in: how far packed logits may be from padded ones, relative to the largest."""


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
    outer: nn.Module, model: PreTrainedModel, split: Split, pad_token_id: int, precision: Precision
) -> tuple[PackedForward, None] | tuple[PaddedForward, str]:
    """Pack if the packed model answers like the plain one on some rows of `split`; else pad, and say why.

    Args:
        outer: What is called: the model itself, or an adapter around it.
        model: The classifier of transformers inside.
        split: Any rows; four of them, from the shortest to a long one, are tried.
        pad_token_id: Of the model's tokenizer.
        precision: In which the kernel for various lengths has to do as well, which computes in half precision alone.

    """
    padded = PaddedForward(outer, pad_token_id)
    rows = np.argsort(split.lengths, kind="stable")[[0, len(split) // 4, len(split) // 2, 3 * len(split) // 4]]
    weights = next(outer.parameters())
    training = outer.training
    outer.eval()
    try:
        plain = _answer(padded, split, rows, outer)
        # The kernel for various lengths is one of GPUs, in half precision, which elsewhere may be emulated, slowly.
        is_half = {weights.dtype, precision.dtype} != {torch.float32}
        kernels = (True, False) if weights.is_cuda and is_half else (False,)
        with precision.forward():
            in_its_precision = _answer(padded, split, rows, outer) if kernels[0] else plain
        reasons = []
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
                reason = _disagreement(_answer(packed, split, rows, outer), plain, weights.dtype)
                if various_lengths and not reason:
                    with precision.forward():
                        answers = _answer(packed, split, rows, outer)
                    reason = _disagreement(answers, in_its_precision, precision.dtype)
            except Exception as error:  # noqa: BLE001  (a body or kernel that was not made for packs may fail in any way)
                reason = first_line(error)
            if not reason:
                return packed, None
            reasons.append(reason)
            packed.close()
        return padded, reasons[-1]
    finally:
        outer.train(training)


def _disagreement(answers: torch.Tensor, wanted: torch.Tensor, dtype: torch.dtype) -> str:
    """Say by how much logits differ, if it is too much for the type that they were computed in."""
    difference = float((answers - wanted).abs().max() / wanted.abs().max())
    return (
        "" if difference <= TOLERANCES[dtype] else f"packed and padded logits differ by {difference:.1g} of the largest"
    )


@torch.no_grad()
def _answer(forward: Forward, split: Split, rows: NDArray[np.int64], outer: nn.Module) -> torch.Tensor:
    batch = forward.batch(split, rows).to(next(outer.parameters()).device)
    return forward.logits(batch).float()
