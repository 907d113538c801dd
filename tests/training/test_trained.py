from __future__ import annotations

import pytest
import torch

from bench.measuring.clock import StepClock
from bench.training.set_up import SetUp
from bench.training.step import Step
from bench.training.trained import Tally


def counted(losses: list[float], tally: Tally | None = None) -> Tally:
    tally = tally or Tally(clock=StepClock(), set_up=SetUp(), set_up_seconds=0.25)
    for loss in losses:
        tally.clock.start()
        tally.clock.split("forward")
        tally.clock.lap("optimizer")
        tally.add(Step(loss=torch.tensor(loss), num_tokens=5, num_computed=6), 2)
    tally.clock.stop()
    return tally


def test_steps_of_two_processes_are_counted_as_one_run() -> None:
    first = counted([1.0, 0.5]).trained()
    second = Tally(clock=StepClock(), set_up=SetUp(compile_seconds=9.0), set_up_seconds=9.0)
    second.clock.bill(100.0)
    second.go_on_from(first)
    assert second.num_steps == 2
    whole = counted([0.25], second).trained()

    assert second.num_steps == 3
    assert whole.losses == (1.0, 0.5, 0.25)
    assert whole.step_tokens == (5, 5, 5)
    assert (whole.num_samples, whole.num_padded_tokens) == (6, 18)
    assert whole.step_seconds[:2] == first.step_seconds
    assert [set(parts) for parts in whole.step_parts] == [{"forward", "optimizer"}] * 3
    assert (whole.set_up, whole.set_up_seconds) == (first.set_up, 0.25)
    assert whole.seconds == pytest.approx(first.seconds + whole.step_seconds[2], abs=1e-3)
