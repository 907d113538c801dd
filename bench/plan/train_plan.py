"""The whole vocabulary in which two strategies may differ.

A strategy is a frozen value. It looks at a `ModelView` (names and counts) and returns an
`Edit`: the fields of the `TrainPlan` that it sets. `bench.plan.compose` merges edits into one plan.
If two runs of a comparison differ, the difference is a field of their plans, and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypedDict

from bench.plan.view import Phase

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import nn
    from torch.optim import Optimizer

    from bench.plan.view import ModelView

__all__ = [
    "Edit",
    "Precision",
    "Strategy",
    "TrainPlan",
    "Transform",
    "baseline_phases",
]

Precision = Literal["fp32", "amp", "bf16", "fp16"]
"""Of the autocast. "amp" is the half precision that the device does natively."""


class Transform(Protocol):
    """A rewrite of the model (LoRA and friends): a frozen dataclass, so that it compares and prints."""

    @property
    def stage(self) -> int:
        """Where in the order of rewrites it stands; two different ones at one stage conflict."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainPlan:
    """What one run does with the model. Every field has the baseline's value as its default."""

    phases: tuple[Phase, ...]
    """Which layers train, from which epoch on; the baseline trains everything from epoch 0."""
    lr: float | None = None
    """The base learning rate; None leaves it to `bench.plan.learning_rates`, which looks at what trains."""
    lr_scale: tuple[tuple[str, float], ...] = ()
    """Factors on the base rate by layer name; a layer that is absent keeps its default factor."""
    precision: Precision = "fp32"
    """Of the autocast; fp16 implies the GradScaler, which is never chosen apart."""
    weights: Literal["fp32", "bf16"] = "fp32"
    """Storage of the weights: mixed precision keeps fp32 masters, pure bf16 does not."""
    optimizer: OptimizerFactory | None = None
    """None is AdamW."""
    checkpoint: frozenset[str] = frozenset()
    """The layers whose activations are not kept, but recomputed in the backward pass."""
    cache_prefix: bool = False
    """Run the frozen layers at the bottom once per row, and store what they answer."""
    seen_embeddings: bool = False
    """Keep no gradient and no optimizer state for embeddings of tokens that no training row has."""
    compile: bool = False
    """Compile the repeated layer; the time that takes is billed, and shown apart."""
    transforms: tuple[Transform, ...] = ()
    """Rewrites of the model, in the order of their stages."""
    after_step: tuple[AfterStep, ...] = ()
    """Called after every optimizer step, billed to the strategy."""

    def with_lr(self, lr: float) -> TrainPlan:
        """Give the plan another base rate; the factors on it stay."""
        return replace(self, lr=lr)

    def num_frozen_layers(self, view: ModelView) -> int:
        """Count the transformer layers at the bottom that never train, nor the embeddings below them."""
        trained = frozenset[str]().union(*(phase.layers for phase in self.phases))
        return max(0, next((number for number, name in enumerate(view.names) if name in trained), 1) - 1)


class Edit(TypedDict, total=False):
    """The fields that one strategy sets; what it leaves out stays as it was."""

    phases: tuple[Phase, ...]
    lr: float | None
    lr_scale: tuple[tuple[str, float], ...]
    precision: Precision
    weights: Literal["fp32", "bf16"]
    optimizer: OptimizerFactory | None
    checkpoint: frozenset[str]
    cache_prefix: bool
    seen_embeddings: bool
    compile: bool
    transforms: tuple[Transform, ...]
    after_step: tuple[AfterStep, ...]


class Strategy(Protocol):
    """A frozen dataclass whose fields are its options, as the command line gives them."""

    def edit(self, view: ModelView, /) -> Edit:
        """Say which fields of the plan this strategy sets, for a model of this shape."""
        ...


def baseline_phases(view: ModelView) -> tuple[Phase, ...]:
    """Everything trains from the first epoch on."""
    return (Phase(0, frozenset(view.names)),)
