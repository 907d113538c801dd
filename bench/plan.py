"""The whole vocabulary in which two strategies may differ.

A strategy is a frozen value. It looks at a `ModelView` (names and counts) and returns an
`Edit`: the fields of the `TrainPlan` that it sets. `compose` merges edits into one plan. If
two runs of a comparison differ, the difference is a field of their plans, and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypedDict

from bench.errors import PlanConflict, UsageError
from bench.wording import in_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from torch import nn
    from torch.optim import Optimizer

__all__ = [
    "Edit",
    "Layer",
    "ModelView",
    "Phase",
    "Precision",
    "Strategy",
    "TrainPlan",
    "Transform",
    "compose",
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


@dataclass(frozen=True, slots=True)
class Layer:
    """One slice of the model in forward order: embeddings, layer 0 to n-1, head."""

    name: str
    param_names: tuple[str, ...]
    num_params: int


@dataclass(frozen=True, slots=True)
class ModelView:
    """All that a strategy may look at. The first layer is the embeddings, the last the head."""

    layers: tuple[Layer, ...]
    linears: tuple[str, ...]
    """Qualified names of the `nn.Linear` modules outside the head."""

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all layers, in forward order."""
        return tuple(layer.name for layer in self.layers)

    @property
    def head(self) -> str:
        """The name of the classification head."""
        return self.layers[-1].name

    @property
    def body(self) -> tuple[str, ...]:
        """The names of everything below the head, embeddings first."""
        return self.names[:-1]

    @property
    def num_params(self) -> int:
        """The number of parameters of the whole model."""
        return sum(layer.num_params for layer in self.layers)


@dataclass(frozen=True, slots=True)
class Phase:
    """From this 0-based epoch on, exactly these layers train."""

    epoch: int
    layers: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainPlan:
    """What one run does with the model. Every field has the baseline's value as its default."""

    phases: tuple[Phase, ...]
    """Which layers train, from which epoch on; the baseline trains everything from epoch 0."""
    lr: float | None = None
    """The base learning rate; None leaves it to `bench.rates`, which looks at what trains."""
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
    compile: bool = False
    """Compile the repeated layer; the time that takes is billed, and shown apart."""
    transforms: tuple[Transform, ...] = ()
    """Rewrites of the model, in the order of their stages."""
    after_step: tuple[AfterStep, ...] = ()
    """Called after every optimizer step, billed to the strategy."""

    def with_lr(self, lr: float) -> TrainPlan:
        """Give the plan another base rate; the factors on it stay."""
        return replace(self, lr=lr)

    def changes(self, view: ModelView) -> dict[str, str]:
        """Say in words, by field, how this plan differs from the baseline."""
        baseline = TrainPlan(phases=baseline_phases(view))
        return {
            field.name: in_words(field.name, getattr(self, field.name), view)
            for field in fields(self)
            if getattr(self, field.name) != getattr(baseline, field.name)
        }

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
    compile: bool
    transforms: tuple[Transform, ...]
    after_step: tuple[AfterStep, ...]


class Strategy(Protocol):
    """A frozen dataclass whose fields are its options, as the command line gives them."""

    def edit(self, view: ModelView, /) -> Edit:
        """Say which fields of the plan this strategy sets, for a model of this shape."""
        ...


COLLECTED = frozenset({"transforms", "after_step"})
"""The fields to which several strategies may add; every other field has one writer."""


def baseline_phases(view: ModelView) -> tuple[Phase, ...]:
    """Everything trains from the first epoch on."""
    return (Phase(0, frozenset(view.names)),)


def compose(strategies: Iterable[Strategy], view: ModelView) -> TrainPlan:
    """Merge the edits of `strategies` into one plan; the order does not matter.

    Raises:
        PlanConflict: two strategies set one field to different values, or two different
            transforms stand at one stage. The message names both strategies.
        UsageError: a strategy sets a field that the plan does not have, or names a layer
            that the model does not have.

    """
    merged: dict[str, Any] = {"phases": baseline_phases(view)}
    writers: dict[str, str] = {}
    collected: dict[str, list[tuple[str, Any]]] = {name: [] for name in COLLECTED}
    known = {field.name for field in fields(TrainPlan)}
    for strategy in strategies:
        author = describe(strategy)
        for name, value in strategy.edit(view).items():
            if name not in known:
                msg = f"strategy {author} sets {name!r}, which is no field of the plan ({', '.join(sorted(known))})"
                raise UsageError(msg)
            if name in COLLECTED:
                collected[name].extend((author, item) for item in value)  # type: ignore[attr-defined]
            elif name in writers and merged[name] != value:
                msg = f"{writers[name]} and {author} do not compose: both set {name}, to different values"
                raise PlanConflict(msg)
            else:
                merged[name], writers[name] = value, author
    merged["transforms"] = _staged(collected["transforms"])
    merged["after_step"] = tuple(dict.fromkeys(hook for _, hook in collected["after_step"]))
    plan = TrainPlan(**merged)
    _check_layers(plan, view, writers)
    _check_cache(plan, view, writers)
    return plan


def describe(strategy: Strategy) -> str:
    """Name a strategy in a message: its class in lower case, with the options that are set."""
    options = {f.name: getattr(strategy, f.name) for f in fields(strategy)}  # type: ignore[arg-type]
    shown = ", ".join(f"{key}={value}" for key, value in options.items() if value is not None)
    return f"{type(strategy).__name__.lower()}({shown})"


def _staged(transforms: Sequence[tuple[str, Transform]]) -> tuple[Transform, ...]:
    """Sort transforms by stage; the same one twice counts once."""
    by_stage: dict[int, tuple[str, Transform]] = {}
    for author, transform in transforms:
        other, present = by_stage.setdefault(transform.stage, (author, transform))
        if present != transform:
            msg = f"{other} and {author} do not compose: both rewrite the model at stage {transform.stage}"
            raise PlanConflict(msg)
    return tuple(by_stage[stage][1] for stage in sorted(by_stage))


def _check_layers(plan: TrainPlan, view: ModelView, writers: Mapping[str, str]) -> None:
    """Refuse a plan that names a layer the model does not have, or that starts after epoch 0."""
    named = {
        "phases": frozenset[str]().union(*(phase.layers for phase in plan.phases)),
        "lr_scale": frozenset(name for name, _ in plan.lr_scale),
        "checkpoint": plan.checkpoint,
    }
    for name, layers in named.items():
        if missing := sorted(layers.difference(view.names)):
            msg = (
                f"{writers.get(name, 'the plan')} names {missing[0]!r} in {name}; the model has {', '.join(view.names)}"
            )
            raise UsageError(msg)
    if not plan.transforms and (idle := next((phase for phase in plan.phases if not phase.layers), None)):
        msg = f"{writers.get('phases', 'the plan')} trains nothing from epoch {idle.epoch} on: a phase names no layer"
        raise UsageError(msg)
    epochs = [phase.epoch for phase in plan.phases]
    if not epochs or epochs[0] != 0 or epochs != sorted(set(epochs)):
        msg = f"{writers.get('phases', 'the plan')} must give phases in order, the first at epoch 0; it gives {epochs}"
        raise UsageError(msg)


def _check_cache(plan: TrainPlan, view: ModelView, writers: Mapping[str, str]) -> None:
    """Refuse to store what a frozen bottom answers where there is none, or where an adapter may change it."""
    if not plan.cache_prefix:
        return
    author = writers["cache_prefix"]
    if plan.transforms:
        msg = (
            f"{author} and {plan.transforms[0]} do not compose: what changes inside the frozen layers cannot be stored"
        )
        raise PlanConflict(msg)
    if not plan.num_frozen_layers(view):
        other = f"{writers['phases']} trains" if "phases" in writers else "the baseline trains"
        msg = f"{author} stores what frozen layers answer, but {other} from the bottom up: add freeze, as in freeze+cached"
        raise PlanConflict(msg)
