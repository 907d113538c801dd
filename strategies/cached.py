"""Running what is frozen once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.plan import Edit

if TYPE_CHECKING:
    from bench.plan import ModelView


@dataclass(frozen=True, slots=True)
class Cached:
    """Run the frozen layers once per row and store their outputs; for mixes such as freeze+cached.

    Source: Liu et al. 2021, arXiv 2102.01386.
    """

    def edit(self, view: ModelView) -> Edit:  # noqa: ARG002  (what is frozen is known once all edits are merged)
        """Store the outputs of the frozen bottom; later epochs start above it."""
        return Edit(cache_prefix=True)
