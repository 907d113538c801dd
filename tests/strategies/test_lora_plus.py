from __future__ import annotations

import pytest
from bench.beside.strategies.dora import Dora
from bench.beside.strategies.ia3 import Ia3
from bench.beside.strategies.lora import Lora
from bench.beside.strategies.lora_plus import LoraPlus

from bench.errors import PlanConflict, UsageError
from bench.workload.toy import TOY_RATES
from tests.strategies.tiny import losses_of, prepared


@pytest.mark.parametrize("strategy", [Lora(), Dora()])
def test_the_second_matrix_learns_faster(strategy: Lora | Dora) -> None:
    ready = prepared(strategy, LoraPlus(ratio=4))
    names = {param: name for name, param in ready.model.named_parameters()}
    rates = {
        names[param]: group["initial_lr"] if "initial_lr" in group else group["lr"]
        for group in ready.optimizer.param_groups
        for param in group["params"]
    }
    assert {rate for name, rate in rates.items() if "lora_B" in name} == {4 * TOY_RATES.adapters}
    assert {rate for name, rate in rates.items() if "lora_A" in name} == {TOY_RATES.adapters}
    assert {rate for name, rate in rates.items() if "score" in name} == {TOY_RATES.head}
    assert losses_of(ready)[3:] != pytest.approx(losses_of(prepared(strategy))[3:], rel=1e-4)


def test_without_a_second_matrix_it_is_refused() -> None:
    with pytest.raises(PlanConflict, match=r"sets rates of adapters, and nothing adds any: .* as in lora\+lora_plus"):
        prepared(LoraPlus())
    with pytest.raises(UsageError, match="adapters:lora_B, but no adapter has a parameter of that name"):
        prepared(Ia3(), LoraPlus())
    with pytest.raises(UsageError, match="lora_plus:ratio=0 cannot be"):
        LoraPlus(ratio=0)
