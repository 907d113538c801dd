from __future__ import annotations

from typing import TYPE_CHECKING

from bench.training.layer_rates import layer_rates
from bench.workload.toy import TOY_RATES

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.training.prepared import Prepared


def test_every_layer_is_listed_in_forward_order_with_what_trains_now(prepared: Callable[..., Prepared]) -> None:
    ready = prepared("freeze:last=1")
    rates = layer_rates(ready)
    assert [rate.layer for rate in rates] == ["embeddings", "layer 0", "layer 1", "layer 2", "layer 3", "head"]
    assert [rate.lr for rate in rates] == [None] * 4 + [TOY_RATES.last_layers, TOY_RATES.head]
    assert [rate.num_trainable_params == rate.num_params for rate in rates] == [False] * 4 + [True] * 2
    assert sum(rate.num_trainable_params for rate in rates) == ready.num_trainable_params(ready.plan.phases.ever())
