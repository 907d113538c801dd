from __future__ import annotations

import torch
from bench.beside.strategies.checkpoint import Checkpoint
from bench.beside.strategies.lora import Lora

from bench.forecasting.fake import without_numbers
from bench.forecasting.traffic import work_of
from bench.measuring.flops import count_flops
from bench.workload.toy import toy_split
from tests.strategies.tiny import prepared


def test_what_is_read_and_written_counts_and_a_view_does_not() -> None:
    left, right = torch.ones(4, 8), torch.ones(8, 2)
    found = work_of(lambda: (left.view(2, 2, 8), left @ right, left.add_(1)), "fp32")
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

    real = work_of(step, "bf16")
    with without_numbers():
        assert work_of(step, "bf16") == real


def test_a_step_computes_what_the_instrument_counts() -> None:
    ready = prepared(Lora(), Checkpoint())
    split = toy_split(8)

    def step() -> None:
        ready.precision.backward(ready.loss(ready.batch(split, range(8))))

    found = work_of(step, "fp32")
    assert found is not None
    assert found.flops == {"fp32": count_flops(step)}


def test_where_a_product_has_no_formula_the_work_is_not_known() -> None:
    assert work_of(lambda: torch.dot(torch.ones(2), torch.ones(2)), "fp32") is None
