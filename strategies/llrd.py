"""Layer-wise learning-rate decay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.errors import UsageError
from bench.plan import Edit

if TYPE_CHECKING:
    from bench.plan import ModelView


@dataclass(frozen=True, slots=True)
class Llrd:
    """Let each layer learn `decay` times as fast as the one above it; the head keeps its rate.

    Source: Howard and Ruder 2018, arXiv 1801.06146.
    """

    decay: float = 0.9

    def __post_init__(self) -> None:
        """Refuse a factor that does not decay."""
        if not 0 < self.decay <= 1:
            raise UsageError(f"llrd:decay={self.decay:g} cannot be: it is a factor above 0, at most 1")

    def edit(self, view: ModelView) -> Edit:
        """Scale the rate of every layer below the head by its depth."""
        return Edit(lr_scale=tuple((name, self.decay**depth) for depth, name in enumerate(reversed(view.body))))
