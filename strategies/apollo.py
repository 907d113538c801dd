"""The gradient, scaled by a low-rank AdamW."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from bench.plan import Edit

from . import _projected
from ._optimizers import check_positive

if TYPE_CHECKING:
    from bench.plan import ModelView


@dataclass(frozen=True, slots=True)
class Apollo:
    """Train matrices below the head by their gradients, each channel scaled as AdamW on a random projection of rank `r` would.

    APOLLO-Mini is `apollo:r=1:per=tensor:scale=11.3`. Without `scale` it is the root of the shorter side over `r`, by
    which a projection makes steps too short.

    Source: Zhu et al. 2024, arXiv 2412.05270.
    """

    r: int = 16
    every: int = 200
    scale: float | None = None
    per: Literal["channel", "tensor"] = "channel"

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        if self.scale is not None:
            check_positive("apollo", scale=self.scale)

    def edit(self, view: ModelView) -> Edit:
        """Bring the optimizer, which learns at rates of AdamW."""
        return Edit(optimizer=_projected.Apollo(view.body, self.r, self.every, self.scale, self.per))
