"""Noise on the embeddings of tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.errors import UsageError
from bench.plan import Edit

if TYPE_CHECKING:
    from bench.plan import ModelView


@dataclass(frozen=True, slots=True)
class Neftune:
    """Add uniform noise of at most `alpha` / sqrt(tokens of the row x width) to embeddings, in training alone.

    Source: Jain et al. 2023, arXiv 2310.05914.
    """

    alpha: float = 5.0

    def __post_init__(self) -> None:
        """Refuse noise of no size."""
        if self.alpha <= 0:
            raise UsageError(f"neftune:alpha={self.alpha:g} cannot be: it is above 0")

    def edit(self, view: ModelView) -> Edit:  # noqa: ARG002  (the rows and the width decide, in each batch)
        """Set the size of the noise."""
        return Edit(embedding_noise=self.alpha)
