"""Layers that train by lot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.errors import UsageError
from bench.plan import Edit

from ._by_lot import ByLot

if TYPE_CHECKING:
    from bench.plan import ModelView


@dataclass(frozen=True, slots=True)
class Lisa:
    """Train embeddings, head and `layers` of the layers between, drawn anew every `every` steps: optimizer state of few layers.

    Source: Pan et al. 2024, arXiv 2403.17919.
    """

    layers: int = 2
    every: int = 5

    def edit(self, view: ModelView) -> Edit:
        """Draw among the transformer layers; the draw is the same for all seeds."""
        between = view.names[1:-1]
        if not 1 <= self.layers <= len(between) or self.every < 1:
            msg = f"lisa: layers is 1 to {len(between)} in this model and every at least 1, not layers={self.layers}, every={self.every}"
            raise UsageError(msg)
        return Edit(phases=ByLot((view.names[0], view.head), between, self.layers, self.every))
