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
    view: ModelView
    rates: Mapping[str, float]
    """Peak learning rate by layer, of adapters, and of parts of them; what is absent never trains."""
    trained: frozenset[str]
    """The names of the parameters that train at some time, as the view has them."""


def resolve(plan: TrainPlan, view: ModelView, rates: Rates) -> Resolved:
    """Fill in what `plan` leaves open for a model of this shape, with `rates` where no rate is set."""
    trained = view.params_of(*plan.phases.ever())
    return Resolved(plan=plan, view=view, rates=resolve_rates(plan, view, rates), trained=trained)
