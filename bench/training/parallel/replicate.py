"""Every rank has the whole model; before a step of the optimizer the gradients of what trains are summed over the ranks.

What trains is the plan's to say, and may change from step to step. So the gradients are summed here, by the list of what
trains now. A wrapper around the model would look at it once, and never at what stands beside its parameters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from bench.training.parallel.base import Whole
from bench.training.parallel.group import Group

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from torch import nn

__all__ = ["BUCKET_BYTES", "Replicate"]

BUCKET_BYTES = 64 << 20
"""Of gradients that are sent at once: few messages, and little memory beside the gradients."""


class Replicate(Whole, Group):
    """Sums gradients in flat pieces, in fp32 whatever their type is."""

    __slots__ = ()

    @torch.no_grad()
    def reduce(
        self, params: Iterable[nn.Parameter], loss: torch.Tensor, mark: Callable[[str], None], /
    ) -> torch.Tensor:
        """Sum gradients and loss over the ranks; a parameter that no rank has a gradient of keeps none."""
        training = [param for param in params if param.requires_grad]
        lacking = [param.grad is None for param in training]
        # Beside the loss: which gradients there are. It is read where one lacks here, since reading waits for the device.
        head = torch.tensor([0.0, *(not one for one in lacking)]).to(self.device, non_blocking=True)
        head[0] = loss
        self.all_reduce(head)
        if any(lacking):
            nums = head[1:].tolist()
            found = [param for param, num in zip(training, nums, strict=True) if num or param.grad is not None]
            for param in found:
                param.grad = torch.zeros_like(param) if param.grad is None else param.grad
            training = found
        for bucket in _buckets([param.grad for param in training if param.grad is not None]):
            _sum(bucket, self.all_reduce)
        mark("communication")
        return head[0].clone()

    @torch.no_grad()
    def differ(self, params: Iterable[nn.Parameter], /) -> bool:
        """Whether the replicas have come apart, as where an optimizer draws by chance: told by the sums of the parameters."""
        sums = torch.stack([param.sum(dtype=torch.float64) for param in params]).tolist()
        return any(of_rank != sums for of_rank in self.gather(sums))


def _buckets(grads: Sequence[torch.Tensor]) -> Iterator[list[torch.Tensor]]:
    bucket, num_bytes = list[torch.Tensor](), 0
    for grad in grads:
        if bucket and num_bytes + 4 * grad.numel() > BUCKET_BYTES:
            yield bucket
            bucket, num_bytes = [], 0
        bucket.append(grad)
        num_bytes += 4 * grad.numel()
    if bucket:
        yield bucket


def _sum(bucket: list[torch.Tensor], all_reduce: Callable[[torch.Tensor], object]) -> None:
    """Sum over the ranks; a single gradient in place, so that a large one has no copy."""
    if len(bucket) == 1 and bucket[0].dtype == torch.float32 and bucket[0].is_contiguous():
        all_reduce(bucket[0])
        return
    flat = torch.cat([grad.reshape(-1).float() for grad in bucket])
    all_reduce(flat)
    pieces = flat.split([grad.numel() for grad in bucket])
    torch._foreach_copy_(bucket, [piece.view_as(grad) for piece, grad in zip(pieces, bucket, strict=True)])
