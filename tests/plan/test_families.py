from __future__ import annotations

from typing import TYPE_CHECKING

from bench.experiment import registry
from bench.plan.describe import family_of
from bench.plan.families import Family
from bench.plan.train_plan import field_rules

if TYPE_CHECKING:
    from bench.plan import ModelView


def test_the_family_of_a_strategy_follows_from_what_it_sets(view: ModelView) -> None:
    assert {rules.family for rules in field_rules().values()} == set(Family)
    built_in = {
        name: family_of(registry.class_of(name)().edit(view)) for name in ("full", "lora", "amp", "llrd", "cached")
    }
    assert list(built_in.values()) == list(Family)
    assert family_of(["phases", "after_step", "transforms"]) == Family.ADDED
    assert family_of(["optimizer", "weights"]) == Family.TYPES
    assert family_of(["nonsense"]) == family_of([]) == Family.TRAINS
