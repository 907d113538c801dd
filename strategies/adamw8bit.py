"""AdamW with its moments in 8 bits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from bench.plan import Edit

from ._few_bits import FewBits

if TYPE_CHECKING:
    from bench.plan import ModelView


@dataclass(frozen=True, slots=True)
class Adamw8bit:
    """Keep the moments of AdamW in 8 bits, a quarter of the memory, by bitsandbytes or torchao.

    The step of torchao is compiled, on a CPU where that pays. Both keep the moments of small parameters in fp32.

    Source: Dettmers et al. 2021, arXiv 2110.02861.
    """

    by: Literal["bitsandbytes", "torchao"] = "bitsandbytes"

    @property
    def needs(self) -> tuple[str, ...]:
        """What steps."""
        return (self.by,)

    def edit(self, view: ModelView) -> Edit:
        """Bring the optimizer."""
        return Edit(optimizer=FewBits(8, self.by, view.num_steps))
