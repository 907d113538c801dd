from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bench.experiment import registry
from bench.experiment.spec import parse_strategy
from bench.plan import throughout
from bench.plan.compose import compose
from bench.plan.learning_rates import Rates, resolve_rates

if TYPE_CHECKING:
    from bench.plan import ModelView, TrainPlan

RATES = Rates(head_alone=1.0, last_layers=0.1, everything=0.01, head=0.5, adapters=0.2)


def plan_of(text: str, view: ModelView) -> TrainPlan:
    return compose([registry.load(term) for term in parse_strategy(text)], view)


def test_a_head_alone_gets_its_own_rate(view: ModelView) -> None:
    assert resolve_rates(plan_of("freeze", view), view, RATES) == {"head": 1.0}


def test_the_body_s_rate_depends_on_how_much_of_it_trains(view: ModelView) -> None:
    some = resolve_rates(plan_of("freeze:last=1", view), view, RATES)
    assert some == {"layer 3": 0.1, "head": pytest.approx(0.5)}
    everything = resolve_rates(plan_of("full", view), view, RATES)
    assert everything["embeddings"] == everything["layer 3"] == 0.01
    assert everything["head"] == pytest.approx(0.5)


def test_amp_changes_no_rate(view: ModelView) -> None:
    assert resolve_rates(plan_of("full+amp", view), view, RATES) == resolve_rates(plan_of("full", view), view, RATES)


def test_two_rates_are_relative_to_the_base(view: ModelView) -> None:
    rates = resolve_rates(plan_of("discriminative", view), view, RATES)
    assert rates["head"] == pytest.approx(5 * rates["layer 0"])
    article = resolve_rates(plan_of("discriminative:body=1e-5:head=5e-5", view), view, RATES)
    assert article["layer 0"] == 1e-5
    assert article["head"] == pytest.approx(5e-5)


def test_decay_leaves_the_head_its_rate(view: ModelView) -> None:
    rates = resolve_rates(plan_of("llrd:decay=0.5", view), view, RATES)
    assert rates["layer 3"] == 0.01
    assert rates["layer 2"] == 0.005
    assert rates["head"] == pytest.approx(0.5)


def test_a_factor_on_a_head_alone_does_not_count(view: ModelView) -> None:
    assert resolve_rates(plan_of("freeze+discriminative", view), view, RATES) == {"head": 1.0}


def test_the_user_s_rate_overrides_all_and_factors_stay(view: ModelView) -> None:
    assert set(resolve_rates(plan_of("full", view).with_lr(0.3), view, RATES).values()) == {0.3}
    assert resolve_rates(plan_of("freeze", view).with_lr(0.3), view, RATES) == {"head": 0.3}
    rates = resolve_rates(plan_of("discriminative", view).with_lr(0.3), view, RATES)
    assert rates["layer 0"] == 0.3
    assert rates["head"] == pytest.approx(1.5)


def test_a_star_scales_the_rates_that_nobody_has_set(view: ModelView) -> None:
    full = resolve_rates(plan_of("full", view), view, RATES)
    for text, expected in (("full", full), ("freeze", {"head": 1.0})):
        plan = replace(plan_of(text, view), lr_scale=(("*", 0.1),))
        found = resolve_rates(plan, view, RATES)
        assert found == pytest.approx({name: 0.1 * rate for name, rate in expected.items()})
        assert set(resolve_rates(plan.with_lr(0.3), view, RATES).values()) == {0.3}


def test_a_part_of_every_layer_learns_as_adapters_do(view: ModelView) -> None:
    plan = replace(plan_of("full", view), phases=throughout(view.names, frozenset({"bias"})))
    rates = resolve_rates(plan, view, RATES)
    assert rates["layer 0"] == rates["embeddings"] == 0.2
    assert rates["head"] == pytest.approx(0.5)


def test_parts_of_adapters_are_relative_to_them(view: ModelView) -> None:
    def rewrite(_model: object) -> None: ...

    scale = (("adapters", 2.0), ("adapters:lora_B", 16.0))
    plan = replace(plan_of("freeze", view), transforms=(rewrite,), lr_scale=scale)
    rates = resolve_rates(plan, view, RATES)
    assert rates == pytest.approx({"head": 0.5, "adapters": 0.4, "adapters:lora_B": 6.4})
