"""Activation checkpointing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.errors import UsageError
from bench.plan import Edit

if TYPE_CHECKING:
    from bench.plan import ModelView


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Keep no activations inside every `every`-th layer and recompute them: less memory, more time.

    Source: Chen et al. 2016, arXiv 1604.06174.
    """

    every: int = 1

    def edit(self, view: ModelView) -> Edit:
        """Recompute layers, from the bottom up; one that is frozen keeps nothing anyway."""
        if self.every < 1:
            raise UsageError(f"checkpoint:every={self.every} cannot be: every is 1 (each layer) or more")
        return Edit(checkpoint=frozenset(view.names[1 : -1 : self.every]))
