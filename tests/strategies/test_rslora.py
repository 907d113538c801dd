from __future__ import annotations

import pytest
from bench.beside.strategies.rslora import Rslora

from tests.strategies.tiny import losses_of, losses_of_peft, prepared


def test_it_learns_as_in_a_loop_of_peft_alone() -> None:
    expected = losses_of_peft(peft_type="LORA", r=4, lora_alpha=16, use_rslora=True)
    assert losses_of(prepared(Rslora(r=4, alpha=16))) == pytest.approx(expected, rel=1e-5)
