"""Low-rank adapters of weights in four bits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from bench.plan import Edit

from ._adapters import LoraOptions

if TYPE_CHECKING:
    from bench.plan import ModelView


@dataclass(frozen=True, slots=True)
class Qlora(LoraOptions):
    """Train as LoRA does, with all weights below the head frozen in four bits (nf4): far less memory, and more time.

    Source: Dettmers, Pagnoni, Holtzman and Zettlemoyer 2023, arXiv 2305.14314.
    """

    needs: ClassVar[tuple[str, ...]] = ("peft", "bitsandbytes")

    def edit(self, view: ModelView) -> Edit:
        """Add the adapters to what is frozen in fewer bits."""
        return Edit(**self.adapt(view, "lora", "LoRA"), frozen_weights="nf4")
