from __future__ import annotations

import pytest

from bench.errors import PlanConflict, UsageError
from bench.plan import ModelView, TransformStage
from bench.plan.compose import compose
from strategies.discriminative import Discriminative
from strategies.ia3 import Ia3
from strategies.lion import Lion
from strategies.llrd import Llrd
from tests.plan.edits import Adapter, Raw, Rewrite


def test_transforms_are_sorted_by_stage_and_count_once(view: ModelView) -> None:
    late, early = Adapter(Rewrite(TransformStage.LOW_PRECISION)), Adapter(Rewrite(TransformStage.ADAPT))
    assert compose([late, early, Adapter(Rewrite(TransformStage.LOW_PRECISION))], view).transforms == (
        Rewrite(TransformStage.ADAPT),
        Rewrite(TransformStage.LOW_PRECISION),
    )


def test_a_stage_of_nobody_s_is_refused(view: ModelView) -> None:
    with pytest.raises(UsageError, match=r"stage 7, which is none of bench\.plan: TransformStage\.ADAPT"):
        compose([Adapter(Rewrite(7))], view)  # type: ignore[arg-type]


def test_two_transforms_at_one_stage_conflict(view: ModelView) -> None:
    with pytest.raises(PlanConflict, match="stage ADAPT"):
        compose([Adapter(Rewrite(TransformStage.ADAPT, "one")), Adapter(Rewrite(TransformStage.ADAPT, "other"))], view)


def test_factors_on_rates_are_merged_by_what_they_scale(view: ModelView) -> None:
    for order in ([Llrd(decay=0.5), Discriminative()], [Discriminative(), Llrd(decay=0.5)]):
        assert dict(compose(order, view).lr_scale)["head"] == 5.0
        assert dict(compose(order, view).lr_scale)["layer 0"] == 0.125
    adapters = Raw((("lr_scale", (("adapters:lora_B", 16.0), ("*", 0.1))), ("prompt_tokens", 4)))
    assert dict(compose([adapters], view).lr_scale) == {"adapters:lora_B": 16.0, "*": 0.1}
    for order in ([Ia3(factor=10.0), Lion(factor=0.5)], [Lion(factor=0.5), Ia3(factor=10.0)]):
        assert dict(compose(order, view).lr_scale) == {"*": 5.0}, "what adapters and an optimizer ask for goes together"
    with pytest.raises(PlanConflict, match=r"both scale the rate of 'layer 1', to different values"):
        compose([Llrd(decay=0.5), Raw((("lr_scale", (("layer 1", 1.0),)),))], view)


def test_hooks_after_a_step_are_called_in_one_order_whatever_that_of_the_strategies(view: ModelView) -> None:
    one, other = Raw((("after_step", (print,)),)), Raw((("after_step", (repr, print)),))
    assert compose([one, other], view) == compose([other, one], view)
    assert set(compose([one, other], view).after_step) == {print, repr}
