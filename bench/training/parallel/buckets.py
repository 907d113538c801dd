"""The gradients of one step, cut into buckets, and their sums over the ranks, which begin while the backward pass goes on.

All ranks send the same buckets, in the same order, whatever gradients each of them has: a bucket goes when all of its
gradients are there and all buckets before it have gone. What a rank lacks is sent as zeros, after the pass.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from bench.errors import Unsupported

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import nn

__all__ = ["BUCKET_BYTES", "Buckets"]

BUCKET_BYTES = 64 << 20
"""Of gradients that are sent at once: few messages, and little memory beside the gradients."""


class Buckets:
    """Sums gradients in flat pieces, in fp32 whatever their type is.

    A gradient in fp32 lies in its flat piece from when it is sent, so that no copy of it stands beside it. Those in other
    types are sent after the backward pass, a bucket at a time: copies of all of them in fp32 would take twice what they do.
    """

    def __init__(
        self, params: Sequence[nn.Parameter], begin_sum: Callable[[torch.Tensor], Callable[[], object]]
    ) -> None:
        """Follow the gradients of `params`, all that train, in the order of the model: a backward pass begins at its end."""
        self._params, self._begin_sum = params, begin_sum
        self._buckets = list(_cut(params[::-1]))
        self._places = {param: place for place, bucket in enumerate(self._buckets) for param in bucket}
        self._awaited = [set(bucket) for bucket in self._buckets]
        self._num_begun = 0
        self._lacking: set[nn.Parameter] = set()
        self._waits: list[Callable[[], object]] = []
        self._hooks = [
            param.register_post_accumulate_grad_hook(self._arrived) for param in params if _can_lie_flat(param)
        ]

    @torch.no_grad()
    def finish(self, loss: torch.Tensor) -> torch.Tensor:
        """Send what was not sent, wait for all, and return the sum of `loss`; a parameter that no rank has a gradient of keeps none."""
        for hook in self._hooks:
            hook.remove()
        while self._num_begun < len(self._buckets):
            self._begin()
        # Beside the loss: which gradients there are. It is read where one lacks here, since reading waits for the device.
        are_there = [float(param not in self._lacking) for param in self._params]
        head = torch.tensor([0.0, *are_there]).to(loss.device, non_blocking=True)
        head[0] = loss
        self._waits.append(self._begin_sum(head))
        for wait in self._waits:
            wait()
        self._waits.clear()
        if self._lacking:
            for param, num in zip(self._params, head[1:].tolist(), strict=True):
                if param in self._lacking and not num:
                    param.grad = None
        return head[0].clone()

    @torch.no_grad()
    def _arrived(self, param: nn.Parameter) -> None:
        place = self._places[param]
        if place < self._num_begun:
            raise Unsupported(
                "replicate sends a gradient when it is whole, and here one grew after that, in parts of the backward pass"
                " that run by themselves (checkpoints with use_reentrant=True do): leave --nproc or what does so out"
            )
        self._awaited[place].discard(param)
        while self._num_begun < len(self._buckets) and not self._awaited[self._num_begun]:
            self._begin()

    def _begin(self) -> None:
        """Begin to sum the next bucket."""
        bucket = self._buckets[self._num_begun]
        self._num_begun += 1
        for param in bucket:
            if param.grad is None:
                self._lacking.add(param)
                param.grad = torch.zeros_like(param)
        grads = [param.grad for param in bucket if param.grad is not None]
        parts = [grad.reshape(-1).float() for grad in grads]
        flat = torch.cat(parts) if len(parts) > 1 else parts[0]  # in place, so that a large one has no copy
        wait = self._begin_sum(flat)
        sums = [piece.view_as(grad) for piece, grad in zip(flat.split(list(map(len, parts))), grads, strict=True)]
        if not all(map(_can_lie_flat, bucket)):
            wait()
            torch._foreach_copy_(grads, sums)
            return
        self._waits.append(wait)
        for param, piece in zip(bucket, sums, strict=True):
            param.grad = piece


def _can_lie_flat(param: nn.Parameter) -> bool:
    return param.dtype == torch.float32 and param.is_contiguous()


def _cut(params: Sequence[nn.Parameter]) -> Iterator[list[nn.Parameter]]:
    bucket, num_bytes = list[torch.nn.Parameter](), 0
    for param in params:
        if bucket and num_bytes + 4 * param.numel() > BUCKET_BYTES:
            yield _aligned(bucket)
            bucket, num_bytes = [], 0
        bucket.append(param)
        num_bytes += 4 * param.numel()
    if bucket:
        yield _aligned(bucket)


def _aligned(bucket: list[nn.Parameter]) -> list[nn.Parameter]:
    """Put those last after which none would begin at 16 bytes, where a GPU reads four numbers at once."""
    return sorted(bucket, key=lambda param: param.numel() % 4 > 0)
