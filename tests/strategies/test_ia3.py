from __future__ import annotations

import pytest
from bench.beside.strategies.ia3 import Ia3

from bench.errors import UsageError
from tests.strategies.tiny import losses_of, losses_of_peft, prepared


def test_it_learns_as_in_a_loop_of_peft_alone() -> None:
    expected = losses_of_peft(peft_type="IA3")
    assert losses_of(prepared(Ia3(factor=1.0))) == pytest.approx(expected, rel=1e-5)


def test_a_factor_of_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="ia3:factor=0 cannot be: it is a factor above 0"):
        Ia3(factor=0.0)
