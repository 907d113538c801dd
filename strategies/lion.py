"""Lion, the evolved sign momentum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.plan import Edit

from ._optimizers import ByRule, check_positive, check_shares

if TYPE_CHECKING:
    from bench.plan import ModelView


@dataclass(frozen=True, slots=True)
class Lion:
    """Step by the sign of a mean of gradients: one value of state per parameter, AdamW has two; rates are `factor` times AdamW's.

    Source: Chen et al. 2023, arXiv 2302.06675.
    """

    beta1: float = 0.9
    beta2: float = 0.99
    factor: float = 0.5

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        check_shares("lion", beta1=self.beta1, beta2=self.beta2)
        check_positive("lion", factor=self.factor)

    def edit(self, view: ModelView) -> Edit:  # noqa: ARG002  (it is the same for every model)
        """Bring the optimizer, and its rates."""
        rule = ByRule("Lion", "Lion", (("beta1", self.beta1), ("beta2", self.beta2)), self.factor)
        return Edit(optimizer=rule, lr_scale=(("*", self.factor),))
