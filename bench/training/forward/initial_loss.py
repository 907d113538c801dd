"""The loss before anything is trained: whatever the strategies are, it is the same for all runs of one seed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch

from bench.measuring import host_memory
from bench.tasks.classification import loss_of
from bench.training.forward.padded import PaddedForward
from bench.workload.models.storage import computing_in_fp32

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from transformers import PreTrainedModel

    from bench.workload.data.dataset import Split

__all__ = ["initial_loss"]

MOST_FLOPS = 1e13
"""Seconds to a minute of a CPU: of a very large model, or very many rows, the first rows alone are asked for."""
TOKENS_AT_ONCE = 2048


def initial_loss(model: PreTrainedModel, split: Split, rows: NDArray[np.int64], pad_token_id: int) -> float | None:
    """Mean cross-entropy of `rows`, in nats: in eval mode, in fp32, without padding, where the model stands.

    It leaves the model, its random numbers and the memory of the process as they were. None where
    the model does not run on these rows, or its output is not a number: preparing it says why.

    Args:
        model: As loaded, before any transform.
        split: Of the training rows.
        rows: Of the first step.
        pad_token_id: Of the model's tokenizer.

    """
    num_params = sum(param.numel() for param in model.parameters())
    tokens = np.cumsum(split.lengths[rows])
    rows = rows[: max(1, int((2 * num_params * tokens <= MOST_FLOPS).sum()))]
    plain, training, total = PaddedForward(model, pad_token_id), model.training, 0.0
    model.eval()
    try:
        with computing_in_fp32(model), torch.random.fork_rng(devices=[]):
            for alike in _of_equal_length(split, rows):
                batch = plain.batch(split, alike)
                total += float(loss_of(plain.logits(batch), batch.targets, "sum"))
    except (IndexError, RuntimeError, TypeError, ValueError):
        return None
    finally:
        model.train(training)
        host_memory.release_free_memory()
    loss = total / len(rows)
    return loss if math.isfinite(loss) else None


def _of_equal_length(split: Split, rows: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Cut rows into parts of equal length, which need no padding, of some thousand tokens at most."""
    lengths = split.lengths[rows]
    parts = []
    for length in np.unique(lengths):
        alike = rows[lengths == length]
        size = max(1, TOKENS_AT_ONCE // int(length))
        parts += [alike[start : start + size] for start in range(0, len(alike), size)]
    return parts
