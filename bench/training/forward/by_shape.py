"""The way to run a model, found without comparing numbers: where a forecast has none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from bench.training.forward.choose import candidates_for, first_that_agrees, not_by
from bench.training.forward.padded import PaddedForward

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedModel

    from bench.experiment.ways import Way
    from bench.training.forward.attention import Asked
    from bench.training.forward.base import WholeForward
    from bench.training.forward.layers import LayersForward
    from bench.training.precision import Precision
    from bench.workload.data.dataset import Split

__all__ = ["choose_by_shape"]


def choose_by_shape(
    outer: nn.Module,
    model: PreTrainedModel,
    split: Split,
    pad_token_id: int,
    precision: Precision,
    *,
    way: Way | None = None,
    forced: bool = False,
) -> tuple[WholeForward, str | None]:
    """Take the way that `choose_forward` would try first, of those that run: it compares no numbers, of which there may be none.

    Raises:
        Unsupported: no other way than this will do (`forced`), and there is nothing to try for it.

    """
    padded = PaddedForward(outer, pad_token_id)
    if way == "padded":
        return padded, None
    rows = np.arange(min(2, len(split)))

    def differs(forward: LayersForward, _asked: Asked) -> str:
        with torch.no_grad(), precision.forward():
            shape = tuple(forward.logits(forward.batch(split, rows)).shape)
        return "" if shape == (len(rows), model.config.num_labels) else f"its outputs are of shape {shape}"

    candidates = candidates_for(outer, model, pad_token_id, way, forced=forced)
    if forced and isinstance(candidates, str):
        raise not_by(way, model, candidates)
    found = first_that_agrees(candidates, model, differs)
    return (padded, found) if isinstance(found, str) else (found, None)
