from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import torch
from bench.beside.strategies.amp import Amp
from bench.beside.strategies.cached import Cached
from bench.beside.strategies.freeze import Freeze
from bench.beside.strategies.full import Full
from bench.beside.strategies.pure_bf16 import PureBf16

from bench.forecasting.fake import without_numbers
from bench.forecasting.steps import Training, trace
from bench.forecasting.traffic import arithmetic_in, work_of
from bench.forecasting.whole_pass import work_of_pass
from bench.plan.compose import compose
from bench.workload.models.layers import view_of
from bench.workload.toy import toy_split
from tests.strategies.tiny import llama

if TYPE_CHECKING:
    from bench.forecasting.duration import StepWork
    from bench.forecasting.steps import Traced
    from bench.plan import Strategy

TRAINING = Training(split=toy_split(16, longest=20), batch_size=8)


def traced(*strategies: Strategy) -> Traced:
    """Take steps with a tiny Llama."""
    model = llama()
    view = replace(view_of(model), num_steps=2)
    return trace(model, view, compose(strategies, view), TRAINING)


def works(*strategies: Strategy) -> tuple[StepWork, StepWork]:
    found = traced(*strategies)
    step, whole_pass = found.work, work_of_pass(found.prepared, TRAINING)
    assert step is not None
    assert whole_pass is not None
    return step, whole_pass


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


def test_where_a_product_has_no_formula_the_work_is_not_known() -> None:
    assert work_of(lambda: torch.dot(torch.ones(2), torch.ones(2)), "fp32") is None


def test_a_step_does_three_passes_and_that_of_the_optimizer() -> None:
    step, whole_pass = works(Full())
    assert step.flops["fp32"] == pytest.approx(3 * whole_pass.flops["fp32"], rel=0.1)  # and attention's scores again
    assert step.bytes_moved > 3 * whole_pass.bytes_moved
    assert step.launches > 2 * whole_pass.launches


def test_what_is_stored_is_not_computed_in_a_step_and_is_in_an_evaluation() -> None:
    (plain, evaluated), (above, evaluated_too) = works(Freeze()), works(Freeze(), Cached())
    assert plain.flops["fp32"] > 10 * above.flops["fp32"]
    assert evaluated_too.flops == evaluated.flops


@pytest.mark.parametrize(("strategy", "expected"), [(Full(), "fp32"), (Amp("bf16"), "bf16"), (PureBf16(), "bf16")])
def test_half_precision_is_what_matmuls_are_in(strategy: Strategy, expected: str) -> None:
    assert arithmetic_in(traced(strategy).prepared) == expected
