from __future__ import annotations

import pytest
import torch

from bench.forecasting.fake import without_numbers
from bench.forecasting.traffic import arithmetic_in, counting
from tests.applied import applied


def test_what_is_read_and_written_counts_and_a_view_does_not() -> None:
    left, right = torch.ones(4, 8), torch.ones(8, 2)
    with counting("fp32") as so_far:
        _ = left.view(2, 2, 8), left @ right, left.add_(1)
    found = so_far()
    assert found is not None
    assert found.flops == {"fp32": 2 * 4 * 8 * 2}
    assert found.launches == 2
    assert found.bytes_moved == 4 * (4 * 8 + 8 * 2 + 4 * 2) + 4 * (4 * 8)  # the sum is written where it is read


def test_without_numbers_it_is_the_same() -> None:
    def step() -> None:
        linear = torch.nn.Linear(8, 4)
        optimizer = torch.optim.AdamW(linear.parameters(), fused=True)
        linear(torch.ones(3, 8)).relu().sum().backward()
        optimizer.step()

    with counting("bf16") as real:
        step()
    with without_numbers(), counting("bf16") as forecast:
        step()
    assert forecast() == real()


def test_where_a_product_has_no_formula_the_work_is_not_known() -> None:
    with counting("fp32") as so_far:
        torch.dot(torch.ones(2), torch.ones(2))
    assert so_far() is None


@pytest.mark.parametrize(
    ("strategy", "expected"), [("full", "fp32"), ("amp:dtype=bf16", "bf16"), ("pure_bf16", "bf16")]
)
def test_half_precision_is_what_matmuls_are_in(strategy: str, expected: str) -> None:
    assert arithmetic_in(applied(strategy)) == expected
