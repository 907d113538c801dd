"""What is averaged is held against a mean in test_ema.py."""

from __future__ import annotations

import pytest
from bench.beside.strategies.swa import Swa

from bench.errors import UsageError
from bench.plan.compose import compose
from bench.plan.describe import changes
from bench.plan.view import stand_in


def test_swa_keeps_the_rate_unless_told_otherwise() -> None:
    view = stand_in(2)
    assert compose((Swa(),), view).lr_schedule == "constant"
    plan = compose((Swa(schedule="linear"),), view)
    assert plan.lr_schedule == "linear"
    assert changes(plan, view) == {
        "averaging": "evaluated on the mean of the weights after each of 100 steps from step 76 on"
    }


def test_an_average_that_never_begins_is_refused() -> None:
    with pytest.raises(UsageError, match=r"swa.*start=1; both are 0 or more, below 1"):
        compose((Swa(start=1.0),), stand_in(2))
