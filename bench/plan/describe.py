"""A plan in words, for whoever reads the report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.plan.families import Family
from bench.plan.train_plan import TrainPlan, baseline_phases, field_rules

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bench.plan.train_plan import Strategy
    from bench.plan.view import ModelView

__all__ = ["changes", "family_of"]


def changes(plan: TrainPlan, view: ModelView, strategies: Mapping[str, Strategy] | None = None) -> dict[str, str]:
    """How a plan differs from the baseline, in words, by field; before them, by name, what `strategies` say of themselves.

    A strategy says it by a method `describe(view)`, if it has one. What it sets is told all the same.
    """
    baseline = TrainPlan(phases=baseline_phases(view))
    fields = {
        name: rules.words(value, view)
        for name, rules in field_rules().items()
        if (value := getattr(plan, name)) != getattr(baseline, name)
    }
    if plan.adds_params and "phases" in fields:
        fields["phases"] = f"of the model itself, {fields['phases']}"
    said = {name: str(one.describe(view)) for name, one in (strategies or {}).items() if hasattr(one, "describe")}
    # One that is called as the field that it sets shares its line.
    return {name: f"{words}; {fields[name]}" if name in fields else words for name, words in said.items()} | {
        name: words for name, words in fields.items() if name not in said
    }


def family_of(fields: Iterable[str]) -> Family:
    """Find the family of a strategy by the fields of the plan that it sets."""
    rules = field_rules()
    found = {rules[name].family for name in fields if name in rules}
    return next((one for one in Family if one in found and one != Family.TRAINS), Family.TRAINS)
