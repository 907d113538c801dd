from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from unittest.mock import create_autospec

import pytest
import torch
from torch.nn.functional import cross_entropy

from bench.errors import AssetError, Unsupported
from bench.experiment.spec import RunSpec, parse_strategy
from bench.measuring import datasheets, matmul_rate
from bench.measuring.flops import count_flops
from bench.plan import InTurn, Trainable
from bench.training.forward.padded import PaddedForward
from bench.training.schedule import schedule_of
from bench.training.trainer import Schedule, train
from bench.worker import efficiency
from bench.worker.efficiency import Efficiency, measure_efficiency, work_of
from bench.workload.toy import toy_split
from tests.applied import applied

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bench.records.readings import Work
    from bench.training.prepared import Prepared

SPLIT = toy_split(40)
NUM_STEPS, NUM_WARMUP_STEPS = 5, 2


@pytest.fixture(autouse=True)
def _quick_rate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(matmul_rate, "BUDGET_SECONDS", 0.0)


def schedule_for(text: str, **changes: Any) -> Schedule:
    return schedule_of(RunSpec(strategy=parse_strategy(text), batch_size=8, **changes), SPLIT)


def work_for(ready: Prepared, schedule: Schedule, **changes: Any) -> Work:
    options: dict[str, Any] = {"num_warmup_steps": NUM_WARMUP_STEPS, "dtype": torch.float32, "device_name": "A CPU"}
    work, flags = work_of(ready, SPLIT, schedule, [9.0, 9.0, 0.5, 0.25, 0.25], **options | changes)
    assert not flags
    return work


def counted(ready: Prepared, schedule: Schedule) -> float:
    """Mean of what is executed in the steady steps."""
    ready.training_mode()
    steps = [rows for epoch in schedule.epochs for rows in epoch][NUM_WARMUP_STEPS:]

    def run() -> None:
        for rows in steps:
            for part in ready.parts(rows):
                batch = ready.batch(SPLIT, part)
                cross_entropy(ready.logits(batch), batch.targets).backward()

    return count_flops(run) / len(steps)


@pytest.mark.parametrize(
    "text", ["freeze", "freeze+cached", "freeze+accumulate:rows=3", "freeze+cached+accumulate:rows=3"]
)
def test_the_work_of_frozen_layers_is_what_is_counted(text: str) -> None:
    ready, schedule = applied(text, split=SPLIT), schedule_for(text)
    train(ready, SPLIT, schedule, on_step=lambda *_: None, on_point=lambda *_: None)

    found = work_for(ready, schedule)

    assert found.step_flops == pytest.approx(counted(ready, schedule), rel=0.01)
    assert found.flops_per_second == pytest.approx(3 * found.step_flops / 1.0)
    assert found.matmul_flops_per_second is not None
    assert found.mfu == pytest.approx(found.flops_per_second / found.matmul_flops_per_second)
    assert found.datasheet_mfu is None


@pytest.mark.parametrize("text", ["full", "full+checkpoint", "freeze:last=2"])
def test_what_is_made_twice_is_no_useful_work(text: str) -> None:
    ready, schedule = applied(text, split=SPLIT), schedule_for(text)

    useful = work_for(ready, schedule).step_flops

    executed = counted(ready, schedule)
    assert 0.6 * executed < useful < executed


def test_padding_is_work() -> None:
    ready, schedule = applied("freeze", split=SPLIT), schedule_for("freeze")
    packed = work_for(ready, schedule).step_flops
    ready.forward.close()
    ready = replace(ready, forward=PaddedForward(ready.model, 0))

    found = work_for(ready, schedule).step_flops

    assert found == pytest.approx(counted(ready, schedule), rel=0.01)
    assert found > packed


def test_each_phase_of_a_plan_has_its_own_work_and_the_last_one_stays() -> None:
    ready = applied("full", split=SPLIT)
    names = list(ready.params_by_layer)
    plan = replace(
        ready.plan, phases=InTurn(((0.0, Trainable(frozenset(names[-1:]))), (0.5, Trainable(frozenset(names)))))
    )
    ready = replace(ready, resolved=replace(ready.resolved, plan=plan))
    schedule = schedule_for("full", epochs=2)

    def flops(first: int) -> float:
        work, _ = work_of(
            ready, SPLIT, schedule, [1.0] * 10, num_warmup_steps=first, dtype=torch.float32, device_name="A CPU"
        )
        return work.step_flops

    both, later = flops(0), flops(5)

    assert later > 2 * (2 * both - later), "of the last five steps, and of the first five"
    assert all(param.requires_grad for param in ready.model.parameters())


def test_a_compiled_model_is_counted_by_what_it_was_made_from() -> None:
    ready, schedule = applied("full", split=SPLIT), schedule_for("full")
    plain = work_for(ready, schedule).step_flops
    for layer in (module for module in ready.model.modules() if type(module).__name__ == "LlamaMLP"):
        layer.forward = torch.compile(layer.forward, backend="eager")

    assert work_for(ready, schedule).step_flops == plain


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_type_that_is_only_emulated_has_no_rate(monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)

    found = work_for(applied("freeze", split=SPLIT), schedule_for("freeze"), dtype=dtype)

    assert (found.matmul_flops_per_second, found.mfu) == (None, None)
    assert found.flops_per_second > 0


def test_a_known_gpu_is_held_against_its_datasheet_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(efficiency, "datasheet_peak", create_autospec(datasheets.datasheet_peak, return_value=1e9))

    found = work_for(applied("freeze", split=SPLIT), schedule_for("freeze"))

    assert found.datasheet_mfu == pytest.approx(found.flops_per_second / 1e9)


@pytest.fixture
def measure() -> Callable[..., Efficiency]:
    """Train a tiny model, and count its arithmetic."""

    def run(*, num_steps: int = 5) -> Efficiency:
        ready = applied("full", split=SPLIT)
        schedule = schedule_of(RunSpec(strategy=parse_strategy("full"), batch_size=8, steps=num_steps), SPLIT)
        trained = train(ready, SPLIT, schedule, on_step=lambda *_: None, on_point=lambda *_: None)
        return measure_efficiency(
            ready,
            SPLIT,
            schedule,
            trained,
            num_warmup_steps=2,
            dtype=torch.float32,
            device_name="A CPU",
        )

    return run


def test_the_arithmetic_of_steps_is_counted(measure: Callable[..., Efficiency]) -> None:
    found = measure()

    assert found.work is not None
    assert found.flags == ()
    assert found.seconds > 0


def test_a_run_of_warm_up_steps_alone_has_nothing_to_count(measure: Callable[..., Efficiency]) -> None:
    found = measure(num_steps=2)

    assert (found.work, found.flags) == (None, ())


@pytest.mark.parametrize(
    "error", [Unsupported("no formula\nsecond line"), AssetError("no formula"), torch.OutOfMemoryError("no formula")]
)
def test_what_cannot_be_measured_is_a_flag(
    measure: Callable[..., Efficiency], monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(efficiency, "work_of", create_autospec(work_of, side_effect=error))

    found = measure()

    assert found.work is None
    assert [(flag.code, flag.message) for flag in found.flags] == [("probe-failed", "counting FLOPs: no formula")]


def rate_is(monkeypatch: pytest.MonkeyPatch, *rates: float) -> None:
    """Have the machine's matmuls timed at these rates, one after the other."""
    monkeypatch.setattr(matmul_rate, "time_matmuls", create_autospec(matmul_rate.time_matmuls, side_effect=rates))


def test_a_rate_that_the_run_beats_is_measured_once_more(
    measure: Callable[..., Efficiency], monkeypatch: pytest.MonkeyPatch
) -> None:
    rate_is(monkeypatch, 1.0, 1e18)

    found = measure()

    assert found.work is not None
    assert found.work.matmul_flops_per_second == 1e18
    assert found.work.mfu == pytest.approx(found.work.flops_per_second / 1e18)
    assert found.flags == ()


def test_a_share_above_one_is_not_told(measure: Callable[..., Efficiency], monkeypatch: pytest.MonkeyPatch) -> None:
    rate_is(monkeypatch, 1.0, 2.0)

    found = measure()

    assert found.work is not None
    assert found.work.flops_per_second > 2.0
    assert (found.work.matmul_flops_per_second, found.work.mfu) == (None, None)
    (flag,) = found.flags
    assert flag.code == "probe-failed"
    assert flag.message.startswith("MFU: matmuls were faster in the run than by themselves, measured twice: ")


def test_a_cache_that_cannot_be_written_costs_the_mfu_alone(
    measure: Callable[..., Efficiency], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("BENCH_CACHE_DIR", str(tmp_path / "file"))

    found = measure()

    assert found.work is not None
    assert found.work.mfu is None
    (flag,) = found.flags
    assert flag.message.startswith("MFU: cannot write to the cache ")


def test_a_fault_of_ours_is_not_hidden(measure: Callable[..., Efficiency], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(efficiency, "work_of", create_autospec(work_of, side_effect=KeyError("x")))

    with pytest.raises(KeyError):
        measure()
