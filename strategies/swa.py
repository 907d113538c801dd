"""An equal average of the last weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from bench.plan import Averaging, Edit

if TYPE_CHECKING:
    from bench.plan import ModelView


@dataclass(frozen=True, slots=True)
class Swa:
    """Train at a rate that stays, and evaluate the mean of the weights after each step from a share `start` of them on.

    `schedule=linear` or `cosine` lets the rate fall, as it does without: then the last weights are close to each other,
    and so is their mean to them.

    Source: Izmailov et al. 2018, arXiv 1803.05407.
    """

    start: float = 0.75
    schedule: Literal["constant", "linear", "cosine"] = "constant"

    def edit(self, view: ModelView) -> Edit:  # noqa: ARG002  (when it begins is a share of the run)
        """Average the weights of the end of the run."""
        return Edit(averaging=Averaging("equal", start=self.start), lr_schedule=self.schedule)
