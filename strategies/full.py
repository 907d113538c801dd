"""Full fine-tuning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.plan import Edit, throughout

if TYPE_CHECKING:
    from bench.plan import ModelView


@dataclass(frozen=True, slots=True)
class Full:
    """Train every parameter: the most memory and time, and room to move far from pretraining.

    Source: Devlin et al. 2018, arXiv 1810.04805.
    """

    def edit(self, view: ModelView) -> Edit:
        """Train all layers from the start."""
        return Edit(phases=throughout(view.names))
