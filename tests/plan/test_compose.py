from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import pytest

from bench.errors import PlanConflict, UsageError
from bench.experiment import registry
from bench.experiment.spec import parse_strategy
from bench.plan import ModelView, TrainPlan, TransformStage, throughout
from bench.plan.compose import compose
from bench.plan.view import stand_in
from strategies.amp import Amp
from strategies.discriminative import Discriminative
from strategies.freeze import Freeze
from strategies.full import Full
from strategies.llrd import Llrd
from tests.plan.edits import Adapter, Rewrite

if TYPE_CHECKING:
    from bench.plan import Strategy


def test_nothing_composed_is_the_baseline(view: ModelView) -> None:
    plan = compose([], view)
    assert plan == TrainPlan(phases=throughout(view.names))


def test_strategies_set_their_own_fields_and_nothing_else(view: ModelView) -> None:
    plan = compose([Freeze(last=2), Amp()], view)
    assert plan == TrainPlan(phases=throughout({"layer 2", "layer 3", "head"}), precision="amp")


def test_every_pair_of_built_ins_commutes_or_conflicts() -> None:
    view = stand_in(4)  # with parameters of all kinds
    instances: list[Strategy] = [registry.load(parse_strategy(name)[0]) for name in registry.names()]
    for one, other in combinations(instances, 2):
        assert outcome([one, other], view) == outcome([other, one], view)


def outcome(strategies: list[Strategy], view: ModelView) -> TrainPlan | frozenset[str]:
    """The plan, or the words of the conflict in whatever order."""
    try:
        return compose(strategies, view)
    except PlanConflict as conflict:
        return frozenset(str(conflict).split())


def test_writers_that_disagree_are_both_named(view: ModelView) -> None:
    with pytest.raises(PlanConflict, match=r"full and freeze:last=1 do not compose: both set phases"):
        compose([Full(), Freeze(last=1)], view)


def test_writers_that_agree_compose(view: ModelView) -> None:
    adapter = Adapter(Rewrite(TransformStage.ADAPT))
    plan = compose([Freeze(), adapter, Amp()], view)
    assert plan.transforms == (Rewrite(TransformStage.ADAPT),)
    assert plan.phases == throughout({"head"})


def test_freeze_counts_layers_from_the_top(view: ModelView) -> None:
    assert compose([Freeze()], view).phases == throughout({"head"})
    assert compose([Freeze(last=4)], view).phases == throughout(set(view.names) - {"embeddings"})
    with pytest.raises(UsageError, match="has 4 layers"):
        compose([Freeze(last=5)], view)


def test_llrd_decays_from_the_top_of_the_body(view: ModelView) -> None:
    scale = dict(compose([Llrd(decay=0.5)], view).lr_scale)
    assert scale == {"layer 3": 1.0, "layer 2": 0.5, "layer 1": 0.25, "layer 0": 0.125, "embeddings": 0.0625}
    with pytest.raises(UsageError, match="at most 1"):
        Llrd(decay=1.5)


def test_discriminative_teaches_the_article_s_rates(view: ModelView) -> None:
    plan = compose([Discriminative(body=1e-5, head=5e-5)], view)
    assert plan.lr == 1e-5
    assert dict(plan.lr_scale) == {"head": pytest.approx(5.0)}
    assert compose([Discriminative()], view).lr is None
    with pytest.raises(UsageError, match="needs the body's rate"):
        Discriminative(head=1e-3)
    with pytest.raises(UsageError, match="above zero"):
        Discriminative(body=-1.0)
