from __future__ import annotations

import pytest
from bench.beside.strategies.pissa import Pissa

from tests.strategies.tiny import losses_of, losses_of_peft, prepared


def test_it_learns_as_in_a_loop_of_peft_alone() -> None:
    expected = losses_of_peft(peft_type="LORA", r=4, lora_alpha=4, init_lora_weights="pissa")
    assert losses_of(prepared(Pissa(r=4, alpha=4))) == pytest.approx(expected, rel=1e-5)
