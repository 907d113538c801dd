"""Stochastic gradient descent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.plan import Edit

from ._optimizers import ByRule, check_positive, check_shares

if TYPE_CHECKING:
    from bench.plan import ModelView


@dataclass(frozen=True, slots=True)
class Sgd:
    """Step along the gradient, with `momentum`: one value of state per parameter, none at `momentum=0`; rates are `factor` times AdamW's.

    Source: Sutskever et al. 2013, https://proceedings.mlr.press/v28/sutskever13.html.
    """

    momentum: float = 0.9
    factor: float = 100.0

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        check_shares("sgd", momentum=self.momentum)
        check_positive("sgd", factor=self.factor)

    def edit(self, view: ModelView) -> Edit:  # noqa: ARG002  (it is the same for every model)
        """Bring the optimizer, and its rates."""
        rule = ByRule("sgd", "SGD", (("momentum", self.momentum),), self.factor)
        return Edit(optimizer=rule, lr_scale=(("*", self.factor),))
