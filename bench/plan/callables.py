"""What a plan may carry that acts on a model or makes an optimizer: by its type, never by a name of ours."""

from __future__ import annotations

from enum import IntEnum, unique
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import nn
    from torch.optim import Optimizer

__all__ = ["AfterStep", "OptimizerFactory", "Transform", "TransformStage"]


@unique
class TransformStage(IntEnum):
    """When a transform rewrites the model, in this order; a plan has at most one transform at each stage."""

    QUANTISE = 100
    """Store the frozen weights in fewer bits."""
    PROMPT = 200
    """Add inputs that are learnt."""
    ADAPT = 300
    """Add parameters beside those of the layers: LoRA and its relatives."""
    LOW_PRECISION = 400
    """Compute what is there by now in another type."""
    PACE = 901
    """The doctor's: look at the clock before a forward pass. It changes no number, as the next."""
    HOARD = 902
    """The doctor's: hold memory that nothing needs."""


class Transform(Protocol):
    """A rewrite of the model (LoRA and friends): a frozen dataclass, so that it compares and prints."""

    @property
    def stage(self) -> TransformStage:
        """When it rewrites the model; two different transforms at one stage conflict."""
        ...

    def __call__(self, model: nn.Module, /) -> nn.Module:
        """Rewrite the model, setting `requires_grad` of the parameters it introduces."""
        ...


class OptimizerFactory(Protocol):
    """Makes the one optimizer of a run from parameter groups that carry `params` and `lr`."""

    def __call__(self, groups: Sequence[Mapping[str, Any]], /) -> Optimizer:
        """Build the optimizer."""
        ...


class AfterStep(Protocol):
    """The one narrow hook into the loop: called after every optimizer step, on the clock."""

    def __call__(self, model: nn.Module, step: int, /) -> None:
        """Act on the model after 0-based optimizer step `step`."""
        ...
