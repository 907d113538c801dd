"""No gradients and no optimizer state for embeddings that cannot learn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.plan import Edit

if TYPE_CHECKING:
    from bench.plan import ModelView


@dataclass(frozen=True, slots=True)
class SeenEmbeddings:
    """Learn the same with no gradient and AdamW state for embeddings of tokens that no training row has: less memory.

    Source: this project.
    """

    def edit(self, view: ModelView) -> Edit:  # noqa: ARG002  (which tokens are seen is known once there are rows)
        """Let the embeddings of tokens that training rows have learn apart."""
        return Edit(seen_embeddings=True)
