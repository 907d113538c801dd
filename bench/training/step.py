"""One optimizer step: of the training loop, and of a forecast, which takes it without any number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from bench.training.prepared import Prepared
    from bench.workload.data.dataset import Split

__all__ = ["Step", "take_step"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one optimizer step was."""

    loss: torch.Tensor
    """Mean of its rows, in nats: a scalar on the device. Of the rows of all ranks, as the rest is of this one's."""
    num_tokens: int
    num_computed: int
    """Padding included."""


def take_step(
    prepared: Prepared,
    split: Split,
    rows: NDArray[np.int64],
    *,
    step: int,
    num_steps: int,
    max_grad_norm: float,
    mark: Callable[[str], None],
) -> Step:
    """Take one optimizer step. It reads no number, and so waits for no device, and runs without any.

    Args:
        prepared: Trains.
        split: Has the rows.
        rows: Of the step, of one forward pass or several.
        step: Which it is of the `num_steps` of the run, from 0.
        num_steps: Of the run.
        max_grad_norm: The norm that longer gradients are cut to.
        mark: Called when a part is done: "data", "forward" and "backward" of every forward pass, and "communication"
            that the backward pass has not hidden, where ranks share the step.

    """
    precision = prepared.precision
    loss = torch.zeros((), device=prepared.device)
    num_tokens = num_computed = 0
    passes = prepared.passes(rows)
    for number, (part, share) in enumerate(passes, 1):
        batch = prepared.batch(split, part)
        mark("data")
        with precision.forward():
            part_loss = prepared.loss(batch) * share
        mark("forward")
        if number == len(passes):
            prepared.parallel.last_backward(prepared.trained)
        precision.backward(part_loss)
        loss += part_loss.detach()
        num_tokens += batch.num_tokens if share else 0  # of a pass that counts nothing
        num_computed += batch.num_computed
        mark("backward")
    loss = prepared.parallel.reduce(loss, mark)
    precision.step(prepared.optimizer, prepared.trained, max_grad_norm, norm_of=prepared.parallel.norm)
    for hook in prepared.plan.after_step:
        hook(prepared.model, step)
    prepared.optimizer.zero_grad(set_to_none=True)
    if prepared.averaged:
        prepared.averaged.update(step + 1, num_steps)
    return Step(loss=loss, num_tokens=num_tokens, num_computed=num_computed)
