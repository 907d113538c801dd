from __future__ import annotations

import pytest
from bench.beside.strategies.adalora import Adalora
from bench.beside.strategies.pure_bf16 import PureBf16

from bench.errors import UsageError
from tests.strategies.tiny import losses_of, losses_of_peft, prepared


def test_it_learns_as_in_a_loop_of_peft_alone() -> None:
    sizes = {"init_r": 6, "target_r": 2, "tinit": 1, "tfinal": 2}
    expected = losses_of_peft(peft_type="ADALORA", total_step=8, **sizes)
    ready = prepared(Adalora(**sizes), num_steps=8)
    assert losses_of(ready) == pytest.approx(expected, rel=1e-5)
    masked = [param for name, param in ready.model.named_parameters() if "lora_E" in name]
    assert sum(int((param == 0).sum()) for param in masked) >= 4 * (6 - 2), "ranks are cut to the budget"


def test_the_ranks_that_outputs_are_divided_by_train_in_no_type() -> None:
    named = prepared(Adalora(), PureBf16()).model.named_parameters()
    assert {param.requires_grad for name, param in named if "ranknum" in name} == {False}


def test_steps_that_leave_no_time_are_refused() -> None:
    with pytest.raises(UsageError, match="adalora: tinit and tfinal are 4 steps of 4: ranks move in no step"):
        prepared(Adalora(tinit=2, tfinal=2), num_steps=4)


def test_ranks_that_cannot_shrink_are_refused() -> None:
    with pytest.raises(UsageError, match="adalora:init_r=2:target_r=8 cannot be"):
        prepared(Adalora(init_r=2, target_r=8), num_steps=4)
