"""Low-rank adapters whose scale does not fade with the rank."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ._adapters import LoraOptions

if TYPE_CHECKING:
    from bench.plan import Edit, ModelView


@dataclass(frozen=True, slots=True)
class Rslora(LoraOptions):
    """Train as LoRA does, scaled by `alpha` / √`r`, under which a high rank still learns.

    Source: Kalajdzievski 2023, arXiv 2312.03732.
    """

    def edit(self, view: ModelView) -> Edit:
        """Add the adapters; alone, with the head, they train."""
        return self.adapt(view, "rslora", "rsLoRA")
