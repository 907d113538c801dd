"""The whole vocabulary in which two strategies may differ.

A strategy is a frozen value. It looks at a `ModelView` (names and counts) and returns an
`Edit`: the fields of the `TrainPlan` that it sets. `bench.plan.compose` merges edits into one plan.
If two runs of a comparison differ, the difference is a field of their plans, and nothing else.

A field is declared here, once: its type, the baseline's value, its words in a report (`words`), what a plan
that sets it must keep to (`check`), and whether several strategies may add to it. What it does to a model is
a pass of `bench/training/passes`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypedDict

from bench.errors import PlanConflict, UsageError
from bench.plan.field_words import list_names, list_phases, list_scale, list_values
from bench.plan.view import Phase

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.plan.callables import AfterStep, OptimizerFactory, Transform
    from bench.plan.view import ModelView

__all__ = ["Edit", "FieldRules", "Precision", "Strategy", "TrainPlan", "baseline_phases", "field_rules"]

Precision = Literal["fp32", "amp", "bf16", "fp16"]
"""Of the autocast. "amp" is the half precision that the device does natively."""

Writers = Mapping[str, str]
"""The strategy that set a field, by field; what nobody set has the baseline's value and is absent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldRules:
    """What else is declared with a field of the plan."""

    words: Callable[[Any, ModelView], str] = lambda value, _view: str(value)
    """Its value in words, for whoever reads the report."""
    check: Callable[[TrainPlan, ModelView, Writers], None] | None = None
    """Raises UsageError or PlanConflict where a plan cannot be followed for the sake of this field."""
    is_collected: bool = False
    """Whether several strategies may add to it; every other field has one writer."""


def _rules(**rules: Any) -> dict[str, FieldRules]:
    return {"rules": FieldRules(**rules)}


def _check_names(name: str, layers: frozenset[str], view: ModelView, writers: Writers) -> None:
    if missing := sorted(layers.difference(view.names)):
        msg = f"{writers.get(name, 'the plan')} names {missing[0]!r} in {name}; the model has {', '.join(view.names)}"
        raise UsageError(msg)


def _check_phases(plan: TrainPlan, view: ModelView, writers: Writers) -> None:
    """Refuse phases without a layer where no transform adds what may train, and phases that start after epoch 0."""
    _check_names("phases", plan.trained_layers, view, writers)
    author = writers.get("phases", "the plan")
    if not plan.transforms and (idle := next((phase for phase in plan.phases if not phase.layers), None)):
        raise UsageError(f"{author} trains nothing from epoch {idle.epoch} on: a phase names no layer")
    epochs = [phase.epoch for phase in plan.phases]
    if not epochs or epochs[0] != 0 or epochs != sorted(set(epochs)):
        raise UsageError(f"{author} must give phases in order, the first at epoch 0; it gives {epochs}")


def _check_lr_scale(plan: TrainPlan, view: ModelView, writers: Writers) -> None:
    _check_names("lr_scale", frozenset(name for name, _ in plan.lr_scale), view, writers)


def _check_checkpoint(plan: TrainPlan, view: ModelView, writers: Writers) -> None:
    _check_names("checkpoint", plan.checkpoint, view, writers)


def _check_cache_prefix(plan: TrainPlan, view: ModelView, writers: Writers) -> None:
    """Refuse to store the output of frozen layers where there are none, or where an adapter may change it."""
    if not plan.cache_prefix:
        return
    author = writers["cache_prefix"]
    if plan.transforms:
        raise PlanConflict(
            f"{author} and {plan.transforms[0]} do not compose: what changes inside the frozen layers cannot be stored"
        )
    if not plan.num_frozen_layers(view):
        other = f"{writers['phases']} trains" if "phases" in writers else "the baseline trains"
        msg = f"{author} stores the output of frozen layers, but {other} from the bottom up: add freeze, as in freeze+cached"
        raise PlanConflict(msg)


def _check_seen_embeddings(plan: TrainPlan, view: ModelView, writers: Writers) -> None:
    """Refuse to split the embedding table where it never trains, or where another may change it as a whole."""
    if not plan.seen_embeddings:
        return
    author = writers["seen_embeddings"]
    if plan.optimizer is not None:
        msg = f"{author} and {writers['optimizer']} do not compose: an optimizer other than AdamW may need the whole table"
        raise PlanConflict(msg)
    if plan.after_step:
        msg = f"{author} and {writers['after_step']} do not compose: what is called after a step may change the whole table"
        raise PlanConflict(msg)
    if view.names[0] not in plan.trained_layers:
        msg = f"{author} saves gradients of embeddings, but {writers['phases']} trains none: leave {author} out"
        raise PlanConflict(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainPlan:
    """What one run does with the model. Every field has the baseline's value as its default."""

    phases: tuple[Phase, ...] = field(metadata=_rules(words=list_phases, check=_check_phases))
    """Which layers train, from which epoch on; the baseline trains everything from epoch 0."""
    lr: float | None = field(default=None, metadata=_rules(words=lambda rate, _view: f"{rate:g}"))
    """The base learning rate; None leaves it to `bench.plan.learning_rates`, which looks at what trains."""
    lr_scale: tuple[tuple[str, float], ...] = field(
        default=(), metadata=_rules(words=list_scale, check=_check_lr_scale)
    )
    """Factors on the base rate by layer name; a layer that is absent keeps its default factor."""
    precision: Precision = "fp32"
    """Of the autocast; fp16 implies the GradScaler, which is never chosen apart."""
    weights: Literal["fp32", "bf16"] = "fp32"
    """Storage of the weights: mixed precision keeps fp32 masters, pure bf16 does not."""
    optimizer: OptimizerFactory | None = field(
        default=None,
        metadata=_rules(words=lambda factory, view: list_names([factory], view)),
    )
    """None is AdamW."""
    checkpoint: frozenset[str] = field(
        default=frozenset(),
        metadata=_rules(
            words=lambda layers, _view: f"activations of {len(layers)} layers are recomputed in the backward pass",
            check=_check_checkpoint,
        ),
    )
    """The layers whose activations are not kept, but recomputed in the backward pass."""
    cache_prefix: bool = field(
        default=False,
        metadata=_rules(
            words=lambda *_: "the frozen layers run once per row, and their output is stored",
            check=_check_cache_prefix,
        ),
    )
    """Run the frozen layers at the bottom once per row, and store their output."""
    seen_embeddings: bool = field(
        default=False,
        metadata=_rules(
            words=lambda *_: "embeddings of tokens that no training row has get no gradient and no optimizer state",
            check=_check_seen_embeddings,
        ),
    )
    """Keep no gradient and no optimizer state for embeddings of tokens that no training row has."""
    compile: bool = field(default=False, metadata=_rules(words=lambda *_: "the repeated layer is compiled"))
    """Compile the repeated layer; the time that takes is billed, and shown apart."""
    transforms: tuple[Transform, ...] = field(default=(), metadata=_rules(words=list_values, is_collected=True))
    """Rewrites of the model, in the order of their stages."""
    after_step: tuple[AfterStep, ...] = field(default=(), metadata=_rules(words=list_names, is_collected=True))
    """Called after every optimizer step, billed to the strategy."""

    @property
    def trained_layers(self) -> frozenset[str]:
        """The layers that train in any phase."""
        return frozenset[str]().union(*(phase.layers for phase in self.phases))

    def with_lr(self, lr: float) -> TrainPlan:
        """The plan with another base rate; the factors on it stay."""
        return replace(self, lr=lr)

    def num_frozen_layers(self, view: ModelView) -> int:
        """Count the transformer layers at the bottom that never train, nor the embeddings below them."""
        trained = self.trained_layers
        return max(0, next((number for number, name in enumerate(view.names) if name in trained), 1) - 1)


def field_rules() -> dict[str, FieldRules]:
    """The rules of every field of the plan, by its name."""
    return {one.name: one.metadata.get("rules", FieldRules()) for one in fields(TrainPlan)}


class Edit(TypedDict, total=False):
    """The fields that one strategy sets; what it leaves out stays as it was. Names and types are those of `TrainPlan`."""

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
        """Choose the fields of the plan that this strategy sets, for a model of this shape."""
        ...


def baseline_phases(view: ModelView) -> tuple[Phase, ...]:
    """Everything trains from the first epoch on."""
    return (Phase(0, frozenset(view.names)),)
