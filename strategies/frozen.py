"""Frozen weights in fewer bits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from bench.plan import Edit

if TYPE_CHECKING:
    from bench.plan import ModelView


@dataclass(frozen=True, slots=True)
class Frozen:
    """Store what never trains in bf16, int8 or nf4: less memory; int8 and nf4 cost time, and change the weights a little.

    Source: Dettmers et al. 2022, arXiv 2208.07339 (int8); Dettmers et al. 2023, arXiv 2305.14314 (nf4).
    """

    weights: Literal["bf16", "int8", "nf4"] = "bf16"

    @property
    def needs(self) -> tuple[str, ...]:
        """What quantises."""
        return () if self.weights == "bf16" else ("bitsandbytes",)

    def edit(self, view: ModelView) -> Edit:  # noqa: ARG002  (what is frozen is known once all edits are merged)
        """Set how frozen weights are stored; bf16 needs amp beside it."""
        return Edit(frozen_weights=self.weights)
