"""Low-rank adapters of a weight's direction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ._adapters import LoraOptions

if TYPE_CHECKING:
    from bench.plan import Edit, ModelView


@dataclass(frozen=True, slots=True)
class Dora(LoraOptions):
    """Train as LoRA does the direction of weights, and their magnitude apart from it.

    Source: Liu et al. 2024, arXiv 2402.09353.
    """

    def edit(self, view: ModelView) -> Edit:
        """Add the adapters; alone, with the head, they train."""
        return self.adapt(view, "dora", "DoRA")
