"""An exponential average of the weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.errors import UsageError
from bench.plan import Averaging, Edit

if TYPE_CHECKING:
    from bench.plan import ModelView

HALF_LIFE = 0.05


@dataclass(frozen=True, slots=True)
class Ema:
    """Evaluate an average of the weights in which a step counts half after a share `half_life` of all steps, or by `decay`.

    A decay of 0.999 would be an average of the first weights in a run of a hundred steps; a share suits runs of any length.

    Source: Morales-Brotons, Vogels and Hendrikx 2024, arXiv 2411.18704.
    """

    half_life: float = HALF_LIFE
    decay: float | None = None

    def __post_init__(self) -> None:
        """Refuse what is no share, and what is said twice."""
        if not 0 < self.half_life <= 1:
            raise UsageError(f"ema:half_life={self.half_life:g} cannot be: it is a share of the steps, 1 at most")
        if self.decay is not None and not (0 <= self.decay < 1 and self.half_life == HALF_LIFE):
            told = f"ema:decay={self.decay:g}"
            raise UsageError(f"{told} cannot be: it is 0 to below 1, and in place of half_life, not beside it")

    def edit(self, view: ModelView) -> Edit:
        """Average the weights from the first step on."""
        decay = 0.5 ** (1 / (self.half_life * view.num_steps)) if self.decay is None else self.decay
        return Edit(averaging=Averaging("exponential", decay=decay))
