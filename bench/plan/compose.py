"""Several strategies, one plan: what they set is merged, and checked against the model."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from bench.errors import PlanConflict, UsageError
from bench.plan.train_plan import TrainPlan, baseline_phases

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bench.plan.train_plan import Strategy, Transform
    from bench.plan.view import ModelView

__all__ = ["compose"]

COLLECTED = frozenset({"transforms", "after_step"})
"""The fields to which several strategies may add; every other field has one writer."""


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
        author = _describe(strategy)
        for name, value in strategy.edit(view).items():
            if name not in known:
                msg = f"strategy {author} sets {name!r}, which is no field of the plan ({', '.join(sorted(known))})"
                raise UsageError(msg)
            if name in COLLECTED:
                collected[name].extend((author, item) for item in value)  # type: ignore[attr-defined]
                writers.setdefault(name, author)
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
    _check_seen_embeddings(plan, view, writers)
    return plan


def _describe(strategy: Strategy) -> str:
    """Name a strategy in a message: its class as a file is named, with the options that are set."""
    options = {f.name: getattr(strategy, f.name) for f in fields(strategy)}  # type: ignore[arg-type]
    shown = ", ".join(f"{key}={value}" for key, value in options.items() if value is not None)
    return f"{re.sub('(?<=[a-z0-9])(?=[A-Z])', '_', type(strategy).__name__).lower()}({shown})"


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


def _check_seen_embeddings(plan: TrainPlan, view: ModelView, writers: Mapping[str, str]) -> None:
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
    if not any(view.names[0] in phase.layers for phase in plan.phases):
        msg = f"{author} saves gradients of embeddings, but {writers['phases']} trains none: leave {author} out"
        raise PlanConflict(msg)
