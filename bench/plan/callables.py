"""What a plan may carry that acts on a model, a loss or a step, or makes an optimizer: by its type, never by a name of ours."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum, unique
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import torch
    from torch import nn
    from torch.optim import Optimizer

    from bench.plan.view import ModelView

__all__ = ["AfterStep", "Averaging", "Loss", "OptimizerFactory", "Transform", "TransformStage"]


@unique
class TransformStage(IntEnum):
    """When a transform rewrites the model, in this order; a plan has at most one transform at each stage."""

    ADAPT = 300
    """Add parameters beside those of the layers: LoRA and its relatives."""
    LOW_PRECISION = 400
    """Compute what is there by now in another type."""
    PACE = 901
    """The doctor's: look at the clock before a forward pass. It changes no number, as the next."""
    HOARD = 902
    """The doctor's: hold memory that nothing needs."""


class Transform(Protocol):
    """A rewrite of the model (LoRA and friends): a frozen dataclass, so that it compares and prints.

    One that changes weights of the model, as PiSSA does, says so by an attribute `rewrites_weights` that is True.

    For the trained model to be kept, a module that it puts in the place of another has a `merge_and_unload()`, which returns
    that other with what was learnt, or the whole model has one, as peft's do.
    """

    @property
    def stage(self) -> TransformStage:
        """When it rewrites the model; two different transforms at one stage conflict."""
        ...

    def __call__(self, model: nn.Module, /) -> nn.Module:
        """Rewrite the model, setting `requires_grad` of the parameters it introduces."""
        ...


class OptimizerFactory(Protocol):
    """Makes the one optimizer of a run from parameter groups.

    A group has `params`, `lr` and `weight_decay`, and beside `params`, one entry for each, `layers` (the name of its
    layer, or "adapters") and `kinds` ("weight", "bias", "norm", "embedding").
    """

    def __call__(self, groups: Sequence[Mapping[str, Any]], /) -> Optimizer:
        """Build the optimizer."""
        ...


class Loss(Protocol):
    """What training minimises in place of the plain cross-entropy; what is evaluated stays that."""

    def __call__(self, logits: torch.Tensor, targets: torch.Tensor, model: nn.Module, /) -> torch.Tensor:
        """Return the mean loss, a scalar, of logits (rows, classes) in fp32 against targets (rows,), int64.

        `model` is what is trained, with its adapters, for terms that look at its parameters.
        """
        ...


class AfterStep(Protocol):
    """The one narrow hook into the loop: called after every optimizer step, on the clock."""

    def __call__(self, model: nn.Module, step: int, /) -> None:
        """Act on the model after 0-based optimizer step `step`, before its gradients are cleared."""
        ...


@dataclass(frozen=True, slots=True)
class Averaging:
    """Which average over the steps of a run is evaluated in place of the last weights."""

    kind: Literal["exponential", "equal"]
    """Exponential (EMA): every step pulls the average by 1 - decay; equal (SWA): all weights count alike."""
    decay: float = 0.999
    """Of the exponential average."""
    start: float = 0.0
    """Share of the steps after which averaging begins."""

    def describe(self, view: ModelView) -> str:
        """Say which average of how many weights it is."""
        begins = f" from step {math.floor(self.start * view.num_steps) + 1} on" if self.start else ""
        what = "mean" if self.kind == "equal" else f"exponential average (decay {self.decay:.6g})"
        return f"evaluated on the {what} of the weights after each of {view.num_steps} steps{begins}"
