from __future__ import annotations

from dataclasses import MISSING, fields

from bench.plan import Edit, TrainPlan
from bench.plan.train_plan import field_rules


def test_an_edit_has_the_fields_of_the_plan_with_their_types() -> None:
    edit = {name: reference.__forward_arg__ for name, reference in Edit.__annotations__.items()}
    assert edit == {field.name: field.type for field in fields(TrainPlan)}
    assert Edit.__required_keys__ == frozenset()


def test_a_field_to_which_several_strategies_may_add_begins_empty() -> None:
    collected = {name for name, rules in field_rules().items() if rules.merge}
    assert collected == {"lr_scale", "transforms", "after_step"}
    assert {field.default for field in fields(TrainPlan) if field.name in collected} == {()}


def test_every_field_but_the_phases_has_the_baseline_s_value_as_its_default() -> None:
    assert [field.name for field in fields(TrainPlan) if field.default is MISSING] == ["phases"]
