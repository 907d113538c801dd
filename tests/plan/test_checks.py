from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from bench.errors import PlanConflict, UsageError
from bench.experiment import registry
from bench.experiment.spec import parse_strategy
from bench.plan import Averaging, ModelView, TrainPlan, throughout
from bench.plan.checks import CHECKS
from bench.plan.compose import compose
from tests.plan.edits import Raw


def test_checks_are_those_of_fields() -> None:
    assert set(CHECKS) <= {field.name for field in fields(TrainPlan)}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ((("learning_rate", 1.0),), "no field of the plan"),
        ((("lr_scale", (("layer 9", 1.0),)),), "'layer 9' in lr_scale"),
        ((("phases", throughout({"top"})),), "'top' in phases"),
        ((("phases", throughout(())),), "no parameter in no layer"),
        ((("phases", throughout({"layer 1"}, frozenset({"norm"}))),), "no parameter of norm whose name matches"),
        ((("embedding_noise", -1.0),), "noise of -1 cannot be"),
        ((("micro_batch_size", 0),), "forward passes of 0 rows cannot be"),
        ((("averaging", Averaging("equal", start=1.0)),), "start=1; both are 0 or more, below 1"),
    ],
)
def test_a_plan_that_the_model_cannot_follow_is_refused(
    view: ModelView, fields: tuple[tuple[str, Any], ...], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        compose([Raw(fields)], view)


@pytest.mark.parametrize("text", ["cached", "full+cached", "discriminative+cached", "amp+cached"])
def test_a_cache_without_frozen_layers_is_a_conflict(view: ModelView, text: str) -> None:
    with pytest.raises(PlanConflict, match=r"add freeze, as in freeze\+cached"):
        compose([registry.load(term) for term in parse_strategy(text)], view)
