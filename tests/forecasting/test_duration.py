from __future__ import annotations

from dataclasses import replace

import pytest

from bench.forecasting.cards import card_of
from bench.forecasting.duration import (
    UNKNOWN,
    Bounds,
    RunWork,
    Speed,
    StepWork,
    run_seconds,
    step_seconds,
    training_seconds,
)

SPEED = Speed(
    flops_per_second={"fp32": Bounds(10, 20), "bf16": Bounds(50, 100)},
    bytes_per_second=Bounds(5, 10),
    launch_seconds=Bounds(0.5, 1),
)


def work(fp32: float = 0, bytes_moved: float = 0, launches: float = 0) -> StepWork:
    return StepWork(flops={"fp32": fp32}, bytes_moved=bytes_moved, launches=launches)


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        (work(fp32=100), (5, 10)),
        (work(bytes_moved=100), (10, 20)),
        (work(launches=10), (5, 10)),
        (work(fp32=100, bytes_moved=100, launches=10), (10, 40)),
        (StepWork(flops={"fp32": 100, "bf16": 100}, bytes_moved=0, launches=0), (6, 12)),
    ],
)
def test_a_step_takes_the_slowest_part_at_least_and_all_parts_at_most(
    what: StepWork, expected: tuple[float, float]
) -> None:
    assert step_seconds(what, SPEED) == pytest.approx(expected)


def test_a_device_without_such_arithmetic_has_no_time() -> None:
    what = StepWork(flops={"fp16": 1}, bytes_moved=0, launches=0)
    assert step_seconds(what, SPEED) is None
    assert run_seconds(RunWork(step=what, num_steps=1, whole_pass=what), SPEED) is None


def test_a_longer_batch_computes_and_moves_more_but_starts_no_more() -> None:
    assert work(fp32=4, bytes_moved=6, launches=5).times(0.5) == work(fp32=2, bytes_moved=3, launches=5)


def test_from_two_models_of_few_layers_to_one_of_many() -> None:
    two, four = work(fp32=20, bytes_moved=12, launches=7), work(fp32=40, bytes_moved=16, launches=11)
    assert two.toward(four, (10 - 2) / (4 - 2)) == work(fp32=100, bytes_moved=28, launches=23)


def test_a_run_starts_loads_fills_trains_and_evaluates() -> None:
    plain = RunWork(step=work(fp32=100), num_steps=10, whole_pass=work(fp32=20))
    assert training_seconds(plain, SPEED) == pytest.approx((50, 100))
    assert run_seconds(plain, SPEED) == pytest.approx((50.3, 120))
    assert run_seconds(replace(plain, loaded_bytes=10e9), SPEED) == pytest.approx((52.3, 170))
    assert run_seconds(replace(plain, num_evaluation_passes=3), SPEED) == pytest.approx((53.3, 126))
    assert training_seconds(replace(plain, num_filling_passes=3), SPEED) == pytest.approx((53, 106))


@pytest.mark.parametrize(
    ("strategy", "launches", "share_backward", "seconds"),
    [("full", 4114, 2.0, 0.096), ("freeze", 1412, 0.0, 0.029), ("amp", 4359, 2.0, 0.108)],
)
def test_steps_that_were_measured_on_an_h200_lie_within(
    strategy: str, launches: int, share_backward: float, seconds: float
) -> None:
    """SmolLM2-135M, about 400 tokens: docs/performance.md, with launches as counted; amp without the loading of kernels."""
    body, tokens = 106_203_456, 400
    flops = 2 * body * tokens * (1 + share_backward)
    moved = 4 * 134_515_008 * (8 if share_backward else 1)  # weights, gradients and their norm, both moments in and out
    done = StepWork(flops={"bf16" if strategy == "amp" else "fp32": flops}, bytes_moved=moved, launches=launches)
    expected = step_seconds(done, card_of("h200-141gb").speed)
    assert expected is not None
    assert expected.low < seconds < expected.high < 8 * expected.low


def test_a_device_that_nobody_measured_has_no_time() -> None:
    assert step_seconds(work(), UNKNOWN) is None
