"""A larger learning rate for one half of each low-rank adapter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.errors import UsageError
from bench.plan import Edit

if TYPE_CHECKING:
    from bench.plan import ModelView


@dataclass(frozen=True, slots=True)
class LoraPlus:
    """Let the matrix B of LoRA learn `ratio` times as fast as its A; for mixes such as lora+lora_plus, dora+lora_plus.

    Source: Hayou, Ghosh and Yu 2024, arXiv 2402.12354.
    """

    ratio: float = 16.0

    def __post_init__(self) -> None:
        """Refuse a rate of nothing."""
        if self.ratio <= 0:
            raise UsageError(f"lora_plus:ratio={self.ratio:g} cannot be: it is a factor above 0")

    def edit(self, view: ModelView) -> Edit:  # noqa: ARG002  (adapters have no name in the view)
        """Scale the rate of every B."""
        return Edit(lr_scale=(("adapters:lora_B", self.ratio),))
