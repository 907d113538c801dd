"""The whole vocabulary in which two strategies may differ.

A strategy is a frozen value. It looks at a `ModelView` (names, kinds and counts) and returns an
`Edit`: the fields of the `TrainPlan` that it sets. `bench.plan.compose` merges edits into one plan.
If two runs of a comparison differ, the difference is a field of their plans, and nothing else.

A field is declared here, once: its type, the baseline's value, the family of the strategies that set it, its words in a
report (`words`), and how it takes what several strategies add to it (`merge`). What a plan must keep to is in `bench.plan.checks`, by field. What a
field does to a model is a pass of `bench/training/passes`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypedDict

from bench.plan import field_words, merging, sharing
from bench.plan.families import Family
from bench.plan.phases import throughout

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.plan.callables import AfterStep, Averaging, Loss, OptimizerFactory, Transform
    from bench.plan.phases import InTurn, Phases
    from bench.plan.view import ModelView

__all__ = [
    "Edit",
    "FieldRules",
    "FrozenWeights",
    "LrSchedule",
    "Precision",
    "Strategy",
    "TrainPlan",
    "baseline_phases",
    "field_rules",
]

Precision = Literal["fp32", "amp", "bf16", "fp16"]
"""Of the autocast. "amp" is the half precision that the device does natively."""
FrozenWeights = Literal["bf16", "int8", "nf4"]
"""A type of floating point, or bits per weight with scales beside them."""
LrSchedule = Literal["linear", "cosine", "constant"]
"""How the rate goes on after the warm-up: down to zero in a line or a half wave, or not at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldRules:
    """What else is declared with a field of the plan."""

    family: Family
    """Under which a strategy is listed that sets it; what trains is set by most, and counts where nothing else is."""
    words: Callable[[Any, ModelView], str] = field_words.plain
    """Its value in words, for whoever reads the report."""
    merge: Callable[[Any], Any] | None = None
    """Takes pairs of an author and what it adds, where several strategies may; None: the field has one writer."""


def _rules(family: Family, **rules: Any) -> dict[str, FieldRules]:
    return {"rules": FieldRules(family=family, **rules)}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainPlan:
    """What one run does with the model. Every field has the baseline's value as its default."""

    phases: Phases = field(metadata=_rules(Family.TRAINS, words=field_words.of_phases))
    """Which parameters train in which steps; the baseline trains everything in all of them."""
    lr: float | None = field(default=None, metadata=_rules(Family.LEARNING, words=lambda rate, _view: f"{rate:g}"))
    """The base learning rate; None leaves it to `bench.plan.learning_rates`, which looks at what trains."""
    lr_scale: tuple[tuple[str, float], ...] = field(
        default=(),
        metadata=_rules(Family.LEARNING, words=field_words.of_scale, merge=merging.rate_factors),
    )
    """Factors on the base rate: by layer, for `adapters`, for `adapters:PART` (those whose name contains PART), and
    for `*`, which scales every rate that nobody has set; what is absent keeps its default factor."""
    lr_schedule: LrSchedule = field(default="linear", metadata=_rules(Family.LEARNING))
    """How the rates go on after the warm-up."""
    precision: Precision = field(default="fp32", metadata=_rules(Family.TYPES))
    """Of the autocast; fp16 implies the GradScaler, which is never chosen apart."""
    weights: Literal["fp32", "bf16"] = field(default="fp32", metadata=_rules(Family.TYPES))
    """Storage of the weights: mixed precision keeps fp32 masters, pure bf16 does not."""
    frozen_weights: FrozenWeights | None = field(
        default=None,
        metadata=_rules(Family.TYPES, words=lambda kind, _view: f"frozen weights are stored in {kind}"),
    )
    """Storage of the weights that never train, quantised (int8, nf4) those of linear layers alone; None is as `weights`."""
    optimizer: OptimizerFactory | None = field(
        default=None, metadata=_rules(Family.LEARNING, words=field_words.of_value)
    )
    """None is AdamW."""
    loss: Loss | None = field(default=None, metadata=_rules(Family.LEARNING, words=field_words.of_value))
    """What training minimises; None is the cross-entropy, and that is what is evaluated."""
    averaging: Averaging | None = field(default=None, metadata=_rules(Family.LEARNING, words=field_words.of_value))
    """The average over steps that is evaluated, and kept, in place of the last weights."""
    checkpoint: frozenset[str] = field(
        default=frozenset(),
        metadata=_rules(
            Family.RUNNING,
            words=lambda layers, _view: f"activations of {len(layers)} layers are recomputed in the backward pass",
        ),
    )
    """The layers whose activations are not kept, but recomputed in the backward pass."""
    cache_prefix: bool = field(
        default=False,
        metadata=_rules(
            Family.RUNNING,
            words=lambda *_: "the frozen layers run once per row, and their output is stored",
        ),
    )
    """Run the frozen layers at the bottom once per row, and store their output."""
    seen_embeddings: bool = field(
        default=False,
        metadata=_rules(
            Family.RUNNING,
            words=lambda *_: "embeddings of tokens that no training row has get no gradient and no optimizer state",
        ),
    )
    """Keep no gradient and no optimizer state for embeddings of tokens that no training row has."""
    compile: bool = field(
        default=False, metadata=_rules(Family.RUNNING, words=lambda *_: "the repeated layer is compiled")
    )
    """Compile the repeated layer; the time that takes is billed, and shown apart."""
    micro_batch_size: int | None = field(
        default=None,
        metadata=_rules(
            Family.RUNNING,
            words=lambda num, _view: (
                f"each step is taken in forward passes of at most {num} row{'' if num == 1 else 's'}, whose gradients accumulate"
            ),
        ),
    )
    """The most rows of a forward pass; None takes the whole batch of a step in one, or as the run says for all."""
    parallel: sharing.Sharing | None = field(default=None, metadata=_rules(Family.RUNNING, words=sharing.in_words))
    """How the processes of a run share it, where there are several; None replicates the model, or as the run says for all."""
    prompt_tokens: int = field(
        default=0,
        metadata=_rules(
            Family.ADDED, words=lambda num, _view: f"a prompt of {num} tokens that learn stands before every text"
        ),
    )
    """Tokens of a prompt before the text of every row, whose embeddings learn as adapters do."""
    embedding_noise: float = field(
        default=0.0,
        metadata=_rules(
            Family.LEARNING,
            words=lambda alpha, _view: (
                f"in training, embeddings get uniform noise of {alpha:g} / sqrt(tokens of the row x width)"
            ),
        ),
    )
    """The alpha of NEFTune's noise on the embeddings of tokens, in training alone; 0 is none."""
    transforms: tuple[Transform, ...] = field(
        default=(),
        metadata=_rules(Family.ADDED, words=field_words.of_values, merge=merging.one_per_stage),
    )
    """Rewrites of the model, in the order of their stages."""
    after_step: tuple[AfterStep, ...] = field(
        default=(),
        metadata=_rules(Family.LEARNING, words=field_words.of_values, merge=merging.each_once),
    )
    """Called after every optimizer step, billed to the strategy."""

    @property
    def adds_params(self) -> bool:
        """Whether something learns that the model did not have."""
        return bool(self.transforms or self.prompt_tokens)

    def with_lr(self, lr: float) -> TrainPlan:
        """The plan with another base rate; the factors on it stay."""
        return replace(self, lr=lr)

    def with_micro_batch_size(self, size: int | None) -> TrainPlan:
        """The plan with forward passes of at most so many rows, where no strategy says how many."""
        return self if self.micro_batch_size else replace(self, micro_batch_size=size)

    def with_parallel(self, how: sharing.Sharing | None) -> TrainPlan:
        """The plan with its run shared in this way, where no strategy says how."""
        return self if self.parallel else replace(self, parallel=how)

    def num_frozen_layers(self, view: ModelView) -> int:
        """Count the transformer layers at the bottom of which nothing ever trains, nor of the embeddings below them."""
        trained = view.params_of(*self.phases.ever())
        lowest = (number for number, layer in enumerate(view.layers) if trained.intersection(layer.param_names))
        return max(0, next(lowest, len(view.layers) - 1) - 1)


def field_rules() -> dict[str, FieldRules]:
    """The rules of every field of the plan, by its name."""
    return {one.name: one.metadata["rules"] for one in fields(TrainPlan)}


class Edit(TypedDict, total=False):
    """The fields that one strategy sets; what it leaves out stays as it was. Names and types are those of `TrainPlan`."""

    phases: Phases
    lr: float | None
    lr_scale: tuple[tuple[str, float], ...]
    lr_schedule: LrSchedule
    precision: Precision
    weights: Literal["fp32", "bf16"]
    frozen_weights: FrozenWeights | None
    optimizer: OptimizerFactory | None
    loss: Loss | None
    averaging: Averaging | None
    checkpoint: frozenset[str]
    cache_prefix: bool
    seen_embeddings: bool
    compile: bool
    micro_batch_size: int | None
    parallel: sharing.Sharing | None
    prompt_tokens: int
    embedding_noise: float
    transforms: tuple[Transform, ...]
    after_step: tuple[AfterStep, ...]


class Strategy(Protocol):
    """A frozen dataclass whose fields are its options, as the command line gives them."""

    def edit(self, view: ModelView, /) -> Edit:
        """Choose the fields of the plan that this strategy sets, for a model of this shape."""
        ...


def baseline_phases(view: ModelView) -> InTurn:
    """Everything trains from the first step on."""
    return throughout(view.names)
