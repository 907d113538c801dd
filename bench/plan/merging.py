"""How a field takes what several strategies add to it; every other field has one writer."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from bench.errors import PlanConflict, UsageError
from bench.plan.callables import TransformStage
from bench.plan.view import EVERYTHING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.plan.callables import AfterStep, Transform

__all__ = ["each_once", "one_per_stage", "rate_factors"]


def each_once(added: Sequence[tuple[str, AfterStep]]) -> tuple[AfterStep, ...]:
    """All of them, by author, whatever the order of strategies; the same one twice counts once."""
    return tuple(dict.fromkeys(value for _, value in sorted(added, key=lambda one: one[0])))


def rate_factors(added: Sequence[tuple[str, tuple[str, float]]]) -> tuple[tuple[str, float], ...]:
    """Factors as sorted pairs; those on all default rates are multiplied, of any other key two values are a conflict."""
    on_all = sorted(value for _, (key, value) in added if key == EVERYTHING)
    merged: dict[str, tuple[str, float]] = {EVERYTHING: ("", math.prod(on_all))} if on_all else {}
    for author, (key, value) in added:
        if key == EVERYTHING:
            continue
        other, present = merged.setdefault(key, (author, value))
        if present != value:
            msg = f"{other} and {author} do not compose: both scale the rate of {key!r}, to different values"
            raise PlanConflict(msg)
    return tuple((key, value) for key, (_, value) in sorted(merged.items()))


def one_per_stage(added: Sequence[tuple[str, Transform]]) -> tuple[Transform, ...]:
    """Sort transforms by stage; the same one twice counts once."""
    by_stage: dict[TransformStage, tuple[str, Transform]] = {}
    for author, transform in added:
        if transform.stage not in tuple(TransformStage):
            known = ", ".join(f"TransformStage.{stage.name}" for stage in TransformStage)
            msg = f"{author} rewrites the model at stage {transform.stage!r}, which is none of bench.plan: {known}"
            raise UsageError(msg)
        other, present = by_stage.setdefault(transform.stage, (author, transform))
        if present != transform:
            stage = TransformStage(transform.stage).name
            raise PlanConflict(f"{other} and {author} do not compose: both rewrite the model at stage {stage}")
    return tuple(by_stage[stage][1] for stage in sorted(by_stage))
