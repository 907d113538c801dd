"""What a plan must keep to, field by field: each check raises UsageError or PlanConflict where it cannot be followed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from bench.errors import PlanConflict, UsageError
from bench.plan.view import ADAPTERS, EVERYTHING

if TYPE_CHECKING:
    from bench.plan.train_plan import TrainPlan
    from bench.plan.view import ModelView

__all__ = ["CHECKS", "Writers"]

Writers = Mapping[str, str]
"""The strategy that set a field, by field; what nobody set has the baseline's value and is absent."""


def _check_phases(plan: TrainPlan, view: ModelView, writers: Writers) -> None:
    """Refuse phases of unknown layers, and of nothing where nothing is added that may train."""
    parts, author = plan.phases.ever(), writers.get("phases", "the plan")
    _check_known("phases", frozenset[str]().union(*(part.layers for part in parts)), view, writers)
    if plan.adds_params:
        return
    for part in parts:
        if not view.params_of(part):
            of_kinds = (
                "" if not part.layers else f" of {', '.join(sorted(part.kinds))} whose name matches {part.match!r}"
            )
            msg = f"{author} trains nothing: the model has no parameter{of_kinds} in {', '.join(sorted(part.layers)) or 'no layer'}"
            raise UsageError(msg)


def _check_lr_scale(plan: TrainPlan, view: ModelView, writers: Writers) -> None:
    """Refuse factors of what the model, or the plan, does not have."""
    of_adapters = [key for key, _ in plan.lr_scale if key.partition(":")[0] == ADAPTERS]
    if of_adapters and not plan.adds_params:
        author = writers.get(f"lr_scale of {of_adapters[0]}", "the plan")
        raise PlanConflict(
            f"{author} sets rates of adapters, and nothing adds any: add an adapter, as in lora+lora_plus"
        )
    layers = frozenset(key for key, _ in plan.lr_scale if key != EVERYTHING and key.partition(":")[0] != ADAPTERS)
    _check_known("lr_scale", layers, view, writers)


def _check_checkpoint(plan: TrainPlan, view: ModelView, writers: Writers) -> None:
    """Refuse layers that the model does not have."""
    _check_known("checkpoint", plan.checkpoint, view, writers)


def _check_cache_prefix(plan: TrainPlan, view: ModelView, writers: Writers) -> None:
    """Refuse to store the output of frozen layers where there are none; where adapters stand, the built model tells."""
    if not plan.cache_prefix:
        return
    author = writers["cache_prefix"]
    if plan.prompt_tokens:
        raise PlanConflict(
            f"{author} and {writers['prompt_tokens']} do not compose: a prompt changes every layer's output"
        )
    if not plan.num_frozen_layers(view):
        other = f"{writers['phases']} trains" if "phases" in writers else "the baseline trains"
        msg = f"{author} stores the output of frozen layers, but {other} from the bottom up: add freeze, as in freeze+cached"
        raise PlanConflict(msg)


def _check_frozen_weights(plan: TrainPlan, view: ModelView, writers: Writers) -> None:
    """Refuse to store frozen weights in another type where there are none, or where nothing would cast what meets them."""
    if plan.frozen_weights is None:
        return
    author = writers["frozen_weights"]
    trained = view.params_of(*plan.phases.ever())
    if all(trained.issuperset(layer.param_names) for layer in view.layers[:-1]):
        other = f"{writers['phases']} trains" if "phases" in writers else "the baseline trains"
        msg = f"{author} stores what is frozen in {plan.frozen_weights}, but {other} the whole body: add freeze, as in freeze+amp+frozen"
        raise PlanConflict(msg)
    if plan.frozen_weights == "bf16" and (plan.precision, plan.weights) == ("fp32", "fp32"):
        msg = f"{author} stores what is frozen in bf16, which fp32 cannot be computed with: add amp, as in freeze+amp+frozen"
        raise PlanConflict(msg)


def _check_seen_embeddings(plan: TrainPlan, view: ModelView, writers: Writers) -> None:
    """Refuse to split the embedding table where it never trains, or where another needs it as a whole."""
    if not plan.seen_embeddings:
        return
    author = writers["seen_embeddings"]
    why = {
        "optimizer": "an optimizer other than AdamW may need the whole table",
        "after_step": "what is called after a step may change the whole table",
        "averaging": "the whole table is averaged",
        "loss": "a loss that sees the model may look at the whole table",
        "prompt_tokens": "a prompt has embeddings beside the table",
    }
    if other := next((name for name in why if getattr(plan, name)), None):
        raise PlanConflict(f"{author} and {writers[other]} do not compose: {why[other]}")
    trained = view.params_of(*plan.phases.ever())
    if not trained.intersection(view.layers[0].param_names):
        msg = f"{author} saves gradients of embeddings, but {writers['phases']} trains none: leave {author} out"
        raise PlanConflict(msg)


def _check_prompt_tokens(plan: TrainPlan, _view: ModelView, writers: Writers) -> None:
    """Refuse a prompt of fewer than no tokens."""
    if plan.prompt_tokens < 0:
        raise UsageError(f"{writers['prompt_tokens']}: a prompt of {plan.prompt_tokens} tokens cannot be; 0 is none")


def _check_embedding_noise(plan: TrainPlan, _view: ModelView, writers: Writers) -> None:
    """Refuse noise of less than no size, and noise below what is stored once."""
    if plan.embedding_noise < 0:
        raise UsageError(f"{writers['embedding_noise']}: noise of {plan.embedding_noise:g} cannot be; 0 is none")
    if plan.embedding_noise and plan.cache_prefix:
        raise PlanConflict(
            f"{writers['embedding_noise']} and {writers['cache_prefix']} do not compose: the frozen layers run once, and the noise is "
            "drawn anew in every step"
        )


def _check_micro_batch_size(plan: TrainPlan, _view: ModelView, writers: Writers) -> None:
    """Refuse forward passes of no rows."""
    if plan.micro_batch_size is not None and plan.micro_batch_size < 1:
        author = writers["micro_batch_size"]
        raise UsageError(f"{author}: forward passes of {plan.micro_batch_size} rows cannot be; give 1 or more")


def _check_averaging(plan: TrainPlan, _view: ModelView, writers: Writers) -> None:
    """Refuse averages that never begin, or never move."""
    if (one := plan.averaging) and not (0 <= one.start < 1 and 0 <= one.decay < 1):
        raise UsageError(
            f"{writers['averaging']}: decay={one.decay:g}, start={one.start:g}; both are 0 or more, below 1"
        )


def _check_known(name: str, layers: frozenset[str], view: ModelView, writers: Writers) -> None:
    if missing := sorted(layers.difference(view.names)):
        msg = f"{writers.get(name, 'the plan')} names {missing[0]!r} in {name}; the model has {', '.join(view.names)}"
        raise UsageError(msg)


CHECKS: Mapping[str, Callable[[TrainPlan, ModelView, Writers], None]] = {
    "phases": _check_phases,
    "lr_scale": _check_lr_scale,
    "checkpoint": _check_checkpoint,
    "cache_prefix": _check_cache_prefix,
    "frozen_weights": _check_frozen_weights,
    "seen_embeddings": _check_seen_embeddings,
    "averaging": _check_averaging,
    "embedding_noise": _check_embedding_noise,
    "micro_batch_size": _check_micro_batch_size,
    "prompt_tokens": _check_prompt_tokens,
}
"""By the field for whose sake a plan may be refused."""
