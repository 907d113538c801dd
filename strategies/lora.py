"""Low-rank adapters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ._adapters import LoraOptions

if TYPE_CHECKING:
    from bench.plan import Edit, ModelView


@dataclass(frozen=True, slots=True)
class Lora(LoraOptions):
    """Train the head and, beside linear layers, products of two matrices of rank `r`, scaled by `alpha` / `r`.

    Source: Hu et al. 2021, arXiv 2106.09685.
    """

    def edit(self, view: ModelView) -> Edit:
        """Add the adapters; alone, with the head, they train."""
        return self.adapt(view, "lora", "LoRA")
