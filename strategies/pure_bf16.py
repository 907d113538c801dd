"""Weights, gradients and optimizer state in bf16."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.plan import Edit

from ._optimizers import RoundedAdamW

if TYPE_CHECKING:
    from bench.plan import ModelView


@dataclass(frozen=True, slots=True)
class PureBf16:
    """Keep weights, gradients and AdamW's moments in bf16, half the memory; `stochastic` rounding keeps small steps.

    Source: Zamirai et al. 2020, arXiv 2010.06192.
    """

    stochastic: bool = True

    def edit(self, view: ModelView) -> Edit:  # noqa: ARG002  (types do not depend on the model)
        """Set the type, and where it is asked for the rounding; without, AdamW is torch's own."""
        return Edit(weights="bf16", optimizer=RoundedAdamW()) if self.stochastic else Edit(weights="bf16")
