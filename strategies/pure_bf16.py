"""Weights, gradients and optimizer state in bf16."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.plan import Edit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch.optim import Optimizer

    from bench.plan import ModelView


@dataclass(frozen=True, slots=True)
class RoundedAdamW:
    """Makes AdamW with its arithmetic in fp32 and what it writes rounded by lot."""

    def __call__(self, groups: Sequence[Mapping[str, Any]]) -> Optimizer:
        """Build it."""
        from ._stochastic import StochasticAdamW  # noqa: PLC0415  (torch)

        return StochasticAdamW(groups)

    def describe(self, _view: object) -> str:
        """Tell which it is."""
        return "AdamW in fp32 arithmetic, what it writes rounded to bf16 by lot"


@dataclass(frozen=True, slots=True)
class PureBf16:
    """Keep weights, gradients and AdamW's moments in bf16, half the memory; `stochastic` rounding keeps small steps.

    Source: Zamirai et al. 2020, arXiv 2010.06192.
    """

    stochastic: bool = True

    def edit(self, view: ModelView) -> Edit:  # noqa: ARG002  (types do not depend on the model)
        """Set the type, and where it is asked for the rounding; without, AdamW is torch's own."""
        return Edit(weights="bf16", optimizer=RoundedAdamW()) if self.stochastic else Edit(weights="bf16")
