"""Every rank has the whole model; before a step of the optimizer the gradients of what trains are summed over the ranks.

What trains is the plan's to say, and may change from step to step. So the gradients are summed here, by the list of what
trains now. A wrapper around the model would look at it once, and never at what stands beside its parameters.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

from bench.training.parallel.base import Whole
from bench.training.parallel.buckets import Buckets
from bench.training.parallel.group import Group

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from torch import nn

__all__ = ["Replicate"]


@dataclass(frozen=True, slots=True)
class Replicate(Whole, Group):
    """Sums the gradients of a step in its last backward pass, when those of all passes are in them."""

    _step: list[Buckets] = field(default_factory=list, init=False, compare=False)
    """The one that is under way, if any."""

    def last_backward(self, params: Iterable[nn.Parameter], /) -> None:
        """Send the gradients of `params` as the pass brings them forth."""
        self._step[:] = [Buckets([param for param in params if param.requires_grad], self.begin_sum)]

    def reduce(self, loss: torch.Tensor, mark: Callable[[str], None], /) -> torch.Tensor:
        """Wait until the gradients are the sums, and return that of the loss."""
        total = self._step.pop().finish(loss)
        mark("communication")
        return total

    @torch.no_grad()
    def differ(self, params: Iterable[nn.Parameter], /) -> bool:
        """Whether the replicas have come apart, as where an optimizer draws by chance: told by the sums of the parameters."""
        sums = torch.stack([param.sum(dtype=torch.float64) for param in params]).tolist()
        return any(of_rank != sums for of_rank in self.gather(sums))
