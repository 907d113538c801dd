"""Norms alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ._kinds import only

if TYPE_CHECKING:
    from bench.plan import Edit, ModelView


@dataclass(frozen=True, slots=True)
class NormOnly:
    """Train the gains and biases of the norms, and the head.

    Source: Qi et al. 2022, arXiv 2211.08682.
    """

    def edit(self, view: ModelView) -> Edit:
        """Train all norms."""
        return only("norm", view)
