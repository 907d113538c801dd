"""Biases alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ._kinds import only

if TYPE_CHECKING:
    from bench.plan import Edit, ModelView


@dataclass(frozen=True, slots=True)
class Bitfit:
    """Train the biases, those of norms among them, and the head; not for models without biases, such as Llama.

    Source: Ben Zaken et al. 2021, arXiv 2106.10199.
    """

    def edit(self, view: ModelView) -> Edit:
        """Train all biases."""
        return only("bias", view)
