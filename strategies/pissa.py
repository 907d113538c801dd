"""Low-rank adapters that begin as the weight's own main part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ._adapters import LoraOptions

if TYPE_CHECKING:
    from bench.plan import Edit, ModelView


@dataclass(frozen=True, slots=True)
class Pissa(LoraOptions):
    """Train as LoRA does, from the principal singular vectors of each weight, which keeps the rest frozen.

    Source: Meng, Wang and Zhang 2024, arXiv 2404.02948.
    """

    niter: int | None = None
    """Of a fast, approximate decomposition; None is the exact one."""

    def edit(self, view: ModelView) -> Edit:
        """Add the adapters; alone, with the head, they train."""
        start = "pissa" if self.niter is None else f"pissa_niter_{self.niter}"
        return self.adapt(view, "lora", "PiSSA", init_lora_weights=start)
