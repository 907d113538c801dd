"""The fields of a plan in words, for whoever reads the report."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from bench.plan.train_plan import TrainPlan, baseline_phases

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bench.plan.view import ModelView, Phase

__all__ = ["changes"]


def changes(plan: TrainPlan, view: ModelView) -> dict[str, str]:
    """How a plan differs from the baseline, in words, by field."""
    baseline = TrainPlan(phases=baseline_phases(view))
    return {
        field.name: _in_words(field.name, getattr(plan, field.name), view)
        for field in fields(plan)
        if getattr(plan, field.name) != getattr(baseline, field.name)
    }


def _in_words(name: str, value: object, view: ModelView) -> str:
    words: dict[str, Callable[[Any], str]] = {
        "phases": lambda phases: ", then ".join(_phase_in_words(phase, view) for phase in phases),
        "lr_scale": lambda scale: _scale_in_words(dict(scale)),
        "transforms": lambda items: ", ".join(map(str, items)),
        "after_step": lambda items: ", ".join(getattr(item, "__name__", str(item)) for item in items),
        "optimizer": lambda factory: getattr(factory, "__name__", str(factory)),
        "lr": lambda rate: f"{rate:g}",
        "checkpoint": lambda layers: f"activations of {len(layers)} layers are recomputed in the backward pass",
        "cache_prefix": lambda _: "the frozen layers run once per row, and what they answer is stored",
        "seen_embeddings": lambda _: (
            "embeddings of tokens that no training row has get no gradient and no optimizer state"
        ),
        "compile": lambda _: "the repeated layer is compiled",
    }
    return words.get(name, str)(value)


def _phase_in_words(phase: Phase, view: ModelView) -> str:
    trained = [name for name in view.names if name in phase.layers]
    since = f" from epoch {phase.epoch + 1}" if phase.epoch else ""
    if len(trained) == len(view.names):
        return f"everything trains{since}"
    if trained == list(view.names[-len(trained) :]):
        last = len(trained) - 1
        what = "the head" if not last else f"the head and the last {'layer' if last == 1 else f'{last} layers'}"
        return f"only {what} train{'' if last else 's'}{since}"
    return f"only {', '.join(trained)} train{'' if len(trained) > 1 else 's'}{since}"


def _scale_in_words(scale: Mapping[str, float]) -> str:
    if len(scale) == 1:
        ((name, factor),) = scale.items()
        return f"{name} at {factor:g} times the base rate"
    low, high = min(scale.values()), max(scale.values())
    return f"{len(scale)} layers at {low:.3g} to {high:.3g} times the base rate"
