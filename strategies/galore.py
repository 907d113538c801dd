"""AdamW in a low-rank space of the gradients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.plan import Edit

from . import _projected
from ._optimizers import check_positive

if TYPE_CHECKING:
    from bench.plan import ModelView


@dataclass(frozen=True, slots=True)
class Galore:
    """Train matrices below the head by AdamW on the `r` main directions of their gradients: far less optimizer state.

    Source: Zhao et al. 2024, arXiv 2403.03507.
    """

    r: int = 4
    every: int = 200
    scale: float = 4.0

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        check_positive("galore", scale=self.scale)

    def edit(self, view: ModelView) -> Edit:
        """Bring the optimizer; rank and scale are those with which the paper fine-tunes, at rates of AdamW."""
        return Edit(optimizer=_projected.Galore(view.body, self.r, self.every, self.scale))
