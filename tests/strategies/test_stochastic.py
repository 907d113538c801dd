from __future__ import annotations

import math

import pytest
import torch
from bench.beside.strategies._stochastic import round_stochastically

NUM = 20_000


@pytest.mark.parametrize("value", [1.001, -1.001, 3e-5, -0.123456, 0.99999, 1.0, 0.0, 255.3])
def test_rounding_takes_one_of_the_two_neighbours_and_is_right_on_average(value: float) -> None:
    exact = torch.full((NUM,), value)
    found = round_stochastically(exact, torch.Generator().manual_seed(0)).double()
    # bf16 has 8 bits of precision: its numbers near x are 2^(floor(log2 x) - 7) apart.
    gap = 2.0 ** (math.floor(math.log2(abs(value))) - 7) if value else 1.0
    exact_value = float(exact[0])
    below = math.floor(exact_value / gap) * gap
    assert set(found.tolist()) <= {below, below + gap}
    share = (exact_value - below) / gap
    five_deviations = 5 * gap * math.sqrt(share * (1 - share) / NUM)
    assert float(found.mean()) == pytest.approx(exact_value, rel=0, abs=five_deviations + 1e-12)


def test_what_is_not_finite_stays_so() -> None:
    odd = torch.tensor([math.inf, -math.inf, math.nan])
    found = round_stochastically(odd, torch.Generator().manual_seed(0))
    assert found[:2].tolist() == [math.inf, -math.inf]
    assert found[2].isnan()
