from __future__ import annotations

import numpy as np
import pytest
import torch

from bench.measuring.flops import count_flops
from bench.training.step_flops import flops_of_step, flops_per_unit
from tests.applied import RAGGED, applied


@pytest.mark.parametrize("strategy", ["full", "freeze:last=1"])
def test_the_flops_of_a_step_are_those_of_its_passes_together(strategy: str) -> None:
    prepared, in_halves, rows = applied(strategy), applied(f"{strategy}+accumulate:rows=4"), np.arange(8)
    _, per_unit = flops_per_unit(prepared, RAGGED)
    whole, one, two = (flops_of_step(prepared, RAGGED, some, per_unit) for some in (rows, rows[:4], rows[4:]))
    halves = flops_of_step(in_halves, RAGGED, rows, per_unit)
    assert halves == one + two
    with torch.no_grad():
        forward = count_flops(lambda: prepared.loss(prepared.batch(RAGGED, rows)))
    assert forward < whole <= 3 * forward
