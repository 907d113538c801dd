"""A model held against itself on single rows, before a way to run it is used."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from bench.errors import Unsupported, first_line
from bench.measuring.torch_memory import device_of
from bench.training.precision import is_mixed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from torch import nn

    from bench.training.forward.base import Forward
    from bench.training.forward.padded import PaddedForward
    from bench.training.precision import Precision
    from bench.workload.data.dataset import Split

__all__ = ["TOLERANCES", "Trial", "disagreement", "in_eval_mode", "sample"]

TOLERANCES = {torch.float32: 1e-4, torch.bfloat16: 5e-2, torch.float16: 1e-2}
"""By the type that is computed in: how far the logits of a row may be from those of the row alone, relative to the largest."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A model that is asked for some rows, in one way or another."""

    outer: nn.Module
    split: Split
    rows: NDArray[np.int64]
    precision: Precision

    @property
    def dtype(self) -> torch.dtype:
        """That it computes in: of its weights, or of the autocast that several types need."""
        floating = (param.dtype for param in self.outer.parameters() if param.is_floating_point())
        return self.precision.dtype if is_mixed(self.outer) else next(floating)

    @torch.no_grad()
    def logits(self, forward: Forward, rows: NDArray[np.int64]) -> torch.Tensor:
        """Run the model on a batch: (rows, labels)."""
        batch = forward.batch(self.split, rows).to(device_of(self.outer))
        with self.precision.forward() if is_mixed(self.outer) else nullcontext():
            return forward.logits(batch).float()

    def train(self, forward: Forward, rows: NDArray[np.int64]) -> None:
        """Run the model on a batch as in training, which raises where there is no kernel with dropout."""
        self.outer.train()
        try:
            self.logits(forward, rows)
        finally:
            self.outer.eval()

    def alone(self, padded: PaddedForward) -> torch.Tensor:
        """Run the model on each row in a batch of its own, without any padding."""
        try:
            return torch.cat([self.logits(padded, row) for row in self.rows[:, None]])
        except (IndexError, RuntimeError) as error:
            if "memory" in str(error):
                raise
            self.logits(padded, self.rows[:1])  # what does not run on the shortest text is not too long for it
            longest = int(self.split.lengths[self.rows].max())
            msg = f"the model does not run on a text of {longest} tokens ({first_line(error)}); give a smaller --max-length"
            raise Unsupported(msg) from error

    def attempt(self, forward: Forward) -> torch.Tensor | str:
        """Run the model on all rows together, or say why it does not run; no other way would mend a want of memory."""
        try:
            return self.logits(forward, self.rows)
        except (AttributeError, IndexError, RuntimeError, TypeError, ValueError) as error:
            if "memory" in str(error):
                raise
            return first_line(error)


def sample(split: Split, pad_token_id: int) -> NDArray[np.int64]:
    """Take rows from the shortest to the longest, and one that ends like padding if there is any."""
    order = np.argsort(split.lengths, kind="stable")
    num = len(order)
    picks = [order[place] for place in (0, num // 4, num // 2, 3 * num // 4, num - 1)]
    ends = np.flatnonzero(split.tokens[split.offsets[1:] - 1] == pad_token_id)
    return np.array(list(dict.fromkeys([*picks[:-1], *ends[:1], picks[-1]])), dtype=np.int64)


def disagreement(found: torch.Tensor | str, alone: torch.Tensor, dtype: torch.dtype, how: str) -> str:
    """Say by how much logits differ, if it is too much for the type that they were computed in."""
    if isinstance(found, str):
        return found
    difference = float((found - alone).abs().max() / alone.abs().max().clamp_min(torch.finfo(torch.float32).tiny))
    if difference <= TOLERANCES[dtype]:
        return ""
    return f"{how}, the logits of a row differ by {difference:.1g} of the largest from those of the row alone"


@contextmanager
def in_eval_mode(outer: nn.Module) -> Iterator[None]:
    """Let nothing drop out meanwhile, and leave mode and random numbers as they were."""
    training = outer.training
    outer.eval()
    devices = range(torch.cuda.device_count()) if device_of(outer).type == "cuda" else ()
    try:
        with torch.random.fork_rng(devices=devices):
            yield
    finally:
        outer.train(training)
