"""Low-rank adapters whose ranks move to where they matter."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from bench.plan import Edit

from ._adapters import ByPeft, adapt
from ._ranks import KeptOrthogonal, MovedRanks, check_ranks

if TYPE_CHECKING:
    from bench.plan import ModelView


@dataclass(frozen=True, slots=True)
class Adalora(ByPeft):
    """Train as LoRA does, from rank `init_r` down to `target_r` on average: ranks move to the layers where they matter.

    Source: Zhang et al. 2023, arXiv 2303.10512.
    """

    init_r: int = 12
    target_r: int = 8
    tinit: int = 0
    tfinal: int = 0
    alpha: int = 8
    orth_reg_weight: float = 0.5
    target: tuple[str, ...] = ()
    last: int | None = None

    def edit(self, view: ModelView) -> Edit:
        """Add the adapters, the term that keeps their factors orthogonal, and the choice of ranks after each step."""
        check_ranks(self.init_r, self.target_r, self.tinit + self.tfinal, view.num_steps)
        options = asdict(self) | {"total_step": view.num_steps}
        edit = adapt(view, "adalora", "AdaLoRA", lora_alpha=options.pop("alpha"), **options)
        return Edit(**edit, loss=KeptOrthogonal(self.orth_reg_weight), after_step=(MovedRanks(),))
