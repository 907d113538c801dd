"""A plan for one model, before anything is built: pure, and without torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.plan.learning_rates import resolve_rates

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench.plan.learning_rates import Rates
    from bench.plan.train_plan import TrainPlan
    from bench.plan.view import ModelView

__all__ = ["Resolved", "resolve"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """A plan with what it leaves open filled in."""

    plan: TrainPlan
    rates: Mapping[str, float]
    """Peak learning rate by layer, and of adapters; what is absent never trains."""
    num_frozen_layers: int
    """Transformer layers at the bottom that never train, nor the embeddings below them."""


def resolve(plan: TrainPlan, view: ModelView, rates: Rates) -> Resolved:
    """Fill in what `plan` leaves open for a model of this shape, with `rates` where no rate is set."""
    return Resolved(plan=plan, rates=resolve_rates(plan, view, rates), num_frozen_layers=plan.num_frozen_layers(view))
