"""Gradient accumulation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.errors import UsageError
from bench.plan import Edit

if TYPE_CHECKING:
    from bench.plan import ModelView


@dataclass(frozen=True, slots=True)
class Accumulate:
    """Run a step in forward passes of at most `rows` rows and add up their gradients: less memory, the same batch, more time.

    Source: Ott et al. 2018, arXiv 1806.00187.
    """

    rows: int = 4

    def __post_init__(self) -> None:
        """Refuse passes of no rows."""
        if self.rows < 1:
            raise UsageError(f"accumulate:rows={self.rows} cannot be: a forward pass has 1 row or more")

    def edit(self, view: ModelView) -> Edit:  # noqa: ARG002  (the batch is the same, whatever the model)
        """Set the most rows of a forward pass."""
        return Edit(micro_batch_size=self.rows)
