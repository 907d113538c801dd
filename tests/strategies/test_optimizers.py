from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from bench.beside.strategies.adafactor import Adafactor
from bench.beside.strategies.amp import Amp
from bench.beside.strategies.lion import Lion
from bench.beside.strategies.lisa import Lisa
from bench.beside.strategies.muon import Muon
from bench.beside.strategies.schedule_free import ScheduleFree
from bench.beside.strategies.sgd import Sgd

from tests.strategies.tiny import losses_of, prepared

if TYPE_CHECKING:
    from bench.plan import Strategy

EACH: list[Strategy] = [Adafactor(), Lion(), Muon(), ScheduleFree(), Sgd()]


def groups_of(*strategies: Strategy) -> list[tuple[float, float]]:
    return [(group["lr"], group["weight_decay"]) for group in prepared(*strategies).optimizer.param_groups]


@pytest.mark.parametrize("kind", [Adafactor, Lion, Muon, ScheduleFree, Sgd])
def test_a_factor_scales_the_rates_that_nobody_has_set_and_leaves_decay_as_it_is(kind: Any) -> None:
    plain, scaled = groups_of(kind(factor=1.0)), groups_of(kind(factor=4.0))
    assert [rate for rate, _ in scaled] == pytest.approx([4 * rate for rate, _ in plain])
    assert [rate * decay for rate, decay in scaled] == pytest.approx([rate * decay for rate, decay in plain])
    assert any(decay for _, decay in plain)


@pytest.mark.parametrize("strategy", EACH, ids=str)
def test_what_trains_may_change_in_every_step(strategy: Strategy) -> None:
    ready = prepared(strategy, Lisa(layers=1, every=1))
    losses = losses_of(ready)
    assert losses[-1] < losses[0]
    now = {param for param in ready.trained if param.requires_grad}
    assert set(ready.optimizer.state) == now, "the rest has given up its state"


@pytest.mark.parametrize("strategy", EACH, ids=str)
def test_steps_that_overflow_in_fp16_are_left_out(strategy: Strategy) -> None:
    ready = prepared(strategy, Amp(dtype="fp16"))
    ready.precision.scaler = type(ready.precision.scaler)("cpu", init_scale=2.0**20, growth_interval=1)
    ready.precision._scale = 2.0**20
    losses = losses_of(ready)
    assert 1 <= ready.precision.num_skipped_steps < len(losses) - 1
    assert losses[-1] < losses[0]
