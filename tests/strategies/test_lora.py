from __future__ import annotations

import pytest
from bench.beside.strategies.lora import Lora

from tests.strategies.tiny import losses_of, losses_of_peft, prepared


def test_it_learns_as_in_a_loop_of_peft_alone() -> None:
    expected = losses_of_peft(peft_type="LORA", r=4, lora_alpha=16, target_modules=["q_proj", "o_proj"])
    assert losses_of(prepared(Lora(r=4, alpha=16, target=("q_proj", "o_proj")))) == pytest.approx(expected, rel=1e-5)
