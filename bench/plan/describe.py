"""A plan in words, for whoever reads the report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.plan.train_plan import TrainPlan, baseline_phases, field_rules

if TYPE_CHECKING:
    from bench.plan.view import ModelView

__all__ = ["changes"]


def changes(plan: TrainPlan, view: ModelView) -> dict[str, str]:
    """How a plan differs from the baseline, in words, by field."""
    baseline = TrainPlan(phases=baseline_phases(view))
    return {
        name: rules.words(value, view)
        for name, rules in field_rules().items()
        if (value := getattr(plan, name)) != getattr(baseline, name)
    }
