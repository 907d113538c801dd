from __future__ import annotations

import pytest
from bench.beside.strategies.ia3 import Ia3

from tests.strategies.tiny import losses_of, losses_of_peft, prepared


def test_it_learns_as_in_a_loop_of_peft_alone() -> None:
    expected = losses_of_peft(peft_type="IA3")
    assert losses_of(prepared(Ia3())) == pytest.approx(expected, rel=1e-5)
