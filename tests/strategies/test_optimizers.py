from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from bench.beside.strategies.lion import Lion
from bench.beside.strategies.sgd import Sgd

from tests.strategies.tiny import prepared

if TYPE_CHECKING:
    from bench.plan import Strategy


def groups_of(*strategies: Strategy) -> list[tuple[float, float]]:
    return [(group["lr"], group["weight_decay"]) for group in prepared(*strategies).optimizer.param_groups]


@pytest.mark.parametrize("kind", [Sgd, Lion])
def test_a_factor_scales_the_rates_that_nobody_has_set_and_leaves_decay_as_it_is(kind: Any) -> None:
    plain, scaled = groups_of(kind(factor=1.0)), groups_of(kind(factor=4.0))
    assert [rate for rate, _ in scaled] == pytest.approx([4 * rate for rate, _ in plain])
    assert [rate * decay for rate, decay in scaled] == pytest.approx([rate * decay for rate, decay in plain])
    assert any(decay for _, decay in plain)
