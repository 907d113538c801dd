"""Reads `embedding_noise`: uniform noise on the embeddings of tokens, where a loss is trained and nowhere else.

It is added where the table is left, below all layers: what is recomputed in the backward pass has the same noise. Whether
the table trains, or is in eval mode, does not matter.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

from bench.errors import Unsupported

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import nn
    from transformers import PreTrainedModel

    from bench.training.forward.batch import Batch

__all__ = ["EmbeddingNoise"]


class EmbeddingNoise:
    """Adds noise to embeddings while a batch is under its eyes."""

    def __init__(self, model: PreTrainedModel, alpha: float) -> None:
        """Be ready to add up to `alpha` / sqrt(tokens of the row x width) to each number.

        Raises:
            Unsupported: the table cannot be found.

        """
        self._alpha = alpha
        self._lengths: torch.Tensor | None = None
        try:
            table: nn.Module = model.get_input_embeddings()
        except NotImplementedError:
            raise Unsupported(
                "embedding_noise: transformers does not know where this model looks up its tokens"
            ) from None
        table.register_forward_hook(self._add)

    @contextmanager
    def on(self, batch: Batch) -> Iterator[None]:
        """Add noise while the context is open, in which the model runs on this batch alone."""
        self._lengths = batch.lengths
        try:
            yield
        finally:
            self._lengths = None

    def _add(self, _table: nn.Module, _args: object, embeddings: torch.Tensor) -> torch.Tensor:
        if self._lengths is None:
            return embeddings
        bound = self._alpha / (self._lengths * embeddings.shape[-1]).sqrt().unsqueeze(-1)
        noise = torch.empty_like(embeddings, dtype=torch.float32).uniform_(-1, 1)
        return embeddings + (noise * bound).to(embeddings.dtype)
