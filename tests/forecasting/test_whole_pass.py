from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bench.experiment import registry
from bench.experiment.spec import parse_strategy
from bench.forecasting.steps import trace
from bench.forecasting.training import Training
from bench.forecasting.whole_pass import work_of_pass
from bench.plan.compose import compose
from bench.workload.models.layers import view_of
from bench.workload.toy import toy_split
from tests.strategies.tiny import llama

if TYPE_CHECKING:
    from bench.forecasting.duration import StepWork

TRAINING = Training(split=toy_split(16, longest=20), batch_size=8)


def works(strategy: str) -> tuple[StepWork, StepWork]:
    """What a step of a tiny Llama does, and a pass."""
    model = llama()
    view = replace(view_of(model), num_steps=2)
    found = trace(model, view, compose(registry.strategies_of(parse_strategy(strategy)), view), TRAINING)
    step, whole_pass = found.work, work_of_pass(found.prepared, TRAINING)
    assert step is not None
    assert whole_pass is not None
    return step, whole_pass


def test_a_step_does_three_passes_and_that_of_the_optimizer() -> None:
    step, whole_pass = works("full")
    assert step.flops["fp32"] == pytest.approx(3 * whole_pass.flops["fp32"], rel=0.1)  # and attention's scores again
    assert step.bytes_moved > 3 * whole_pass.bytes_moved
    assert step.launches > 2 * whole_pass.launches


def test_what_is_stored_is_not_computed_in_a_step_and_is_in_an_evaluation() -> None:
    (plain, evaluated), (above, evaluated_too) = works("freeze"), works("freeze+cached")
    assert plain.flops["fp32"] > 10 * above.flops["fp32"]
    assert evaluated_too.flops == evaluated.flops
