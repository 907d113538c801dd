"""Parameters cut among the devices of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.plan import Edit

if TYPE_CHECKING:
    from bench.plan import ModelView


@dataclass(frozen=True, slots=True)
class Shard:
    """Cut weights, gradients and optimizer state among the processes of a run (--nproc): each holds a part, and more is sent.

    With `offload` they wait in the host's memory, and each layer's come to the GPU while it runs; the optimizer's step is on the CPU.

    Source: Rajbhandari et al. 2020, arXiv 1910.02054; by torch's fully_shard.
    """

    offload: bool = False

    def edit(self, view: ModelView) -> Edit:  # noqa: ARG002  (it is the same for every model)
        """Have the parameters cut."""
        return Edit(parallel="shard-offload" if self.offload else "shard")
