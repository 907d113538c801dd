"""Freezing the lower layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.errors import UsageError
from bench.plan import Edit, throughout

if TYPE_CHECKING:
    from bench.plan import ModelView


@dataclass(frozen=True, slots=True)
class Freeze:
    """Train the head and the last `last` transformer layers; everything below stays frozen.

    Source: Lee, Tang and Lin 2019, arXiv 1911.03090.
    """

    last: int = 0

    def edit(self, view: ModelView) -> Edit:
        """Train the top of the model alone."""
        num_layers = len(view.names) - 2  # without embeddings and head
        if not 0 <= self.last <= num_layers:
            msg = f"freeze:last={self.last} cannot be: the model has {num_layers} layers, so last is 0 to {num_layers}"
            raise UsageError(msg)
        return Edit(phases=throughout(view.names[-(1 + self.last) :]))
