from __future__ import annotations

import pytest
from bench.beside.strategies.vera import Vera

from bench.errors import UsageError
from tests.strategies.tiny import losses_of, losses_of_peft, prepared


def test_it_learns_as_in_a_loop_of_peft_alone() -> None:
    expected = losses_of_peft(peft_type="VERA", r=8)
    assert losses_of(prepared(Vera(r=8))) == pytest.approx(expected, rel=1e-5)


def test_a_rank_of_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="vera:r=0 cannot be: a rank is 1 or more"):
        Vera(r=0)
