"""AdamW with its moments in 4 bits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from bench.plan import Edit

from ._few_bits import FewBits

if TYPE_CHECKING:
    from bench.plan import ModelView


@dataclass(frozen=True, slots=True)
class Adamw4bit:
    """Keep the moments of AdamW in 4 bits, an eighth of the memory, by torchao, whose step is compiled; on a CPU where that pays.

    Source: Li, Chen and Zhu 2023, arXiv 2309.01507.
    """

    needs: ClassVar[tuple[str, ...]] = ("torchao",)

    def edit(self, view: ModelView) -> Edit:
        """Bring the optimizer."""
        return Edit(optimizer=FewBits(4, "torchao", view.num_steps))
