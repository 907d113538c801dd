from __future__ import annotations

import pytest

from bench.errors import PlanConflict
from bench.experiment import registry
from bench.experiment.spec import parse_strategy
from bench.plan.compose import compose
from bench.plan.view import stand_in

VIEW = stand_in(4)


@pytest.mark.parametrize(("text", "needs"), [("frozen", ()), ("frozen:weights=nf4", ("bitsandbytes",))])
def test_what_it_needs_depends_on_the_type(text: str, needs: tuple[str, ...]) -> None:
    assert registry.needs_of(registry.load(parse_strategy(text)[0])) == needs


def test_bf16_wants_amp_beside_it_and_something_frozen() -> None:
    plan = compose(registry.strategies_of(parse_strategy("freeze+amp+frozen")), VIEW)
    assert plan.frozen_weights == "bf16"
    with pytest.raises(PlanConflict, match="add amp"):
        compose(registry.strategies_of(parse_strategy("freeze+frozen")), VIEW)
    with pytest.raises(PlanConflict, match="add freeze"):
        compose(registry.strategies_of(parse_strategy("full+amp+frozen")), VIEW)
