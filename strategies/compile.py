"""Compiled layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.plan import Edit

if TYPE_CHECKING:
    from bench.plan import ModelView


@dataclass(frozen=True, slots=True)
class Compile:
    """Compile the transformer layer, once for all of its repetitions; pays off after many steps.

    Source: torch.compile.
    """

    def edit(self, view: ModelView) -> Edit:  # noqa: ARG002  (all layers are alike)
        """Compile; the time it takes counts as training time."""
        return Edit(compile=True)
