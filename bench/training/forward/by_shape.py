"""The way to run a model, found without comparing numbers: where a forecast has none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from bench.training.forward.choose import pack_where
from bench.training.forward.kernel_trial import kernels_for
from bench.training.forward.padded import PaddedForward

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedModel

    from bench.training.forward.attention import Asked
    from bench.training.forward.base import WholeForward
    from bench.training.forward.packed import PackedForward
    from bench.training.precision import Precision
    from bench.workload.data.dataset import Split

__all__ = ["choose_by_shape"]


def choose_by_shape(
    outer: nn.Module, model: PreTrainedModel, split: Split, pad_token_id: int, precision: Precision
) -> tuple[WholeForward, str | None]:
    """Take the way that `choose_forward` would try first, of those that run: it compares no numbers, of which there may be none."""
    rows = np.arange(min(2, len(split)))

    def differs(packed: PackedForward, _asked: Asked) -> str:
        with torch.no_grad(), precision.forward():
            shape = tuple(packed.logits(packed.batch(split, rows)).shape)
        return "" if shape == (len(rows), model.config.num_labels) else f"its outputs are of shape {shape}"

    packed = pack_where(differs, outer, model, kernels_for(outer))
    if isinstance(packed, str):
        return PaddedForward(outer, pad_token_id), packed
    return packed, None
