from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest.mock import create_autospec

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from bench.experiment.spec import RunSpec, parse_strategy
from bench.measuring import matmul_rate
from bench.measuring.flops import Extent, count_flops
from bench.plan import Phase
from bench.training.forward.layout import lay_out, num_pairs
from bench.training.forward.padded import PaddedForward
from bench.training.schedule import schedule_of
from bench.training.trainer import Schedule, train
from bench.worker import efficiency
from bench.worker.efficiency import work_of
from bench.workload.toy import toy_split

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bench.records.readings import Work
    from bench.training.prepared import Prepared

    Prepare = Callable[..., Prepared]

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
    return work_of(ready, SPLIT, schedule, [9.0, 9.0, 0.5, 0.25, 0.25], **options | changes)


def counted(ready: Prepared, schedule: Schedule) -> float:
    """Mean of what is executed in the steady steps."""
    ready.training_mode()
    steps = [rows for epoch in schedule.epochs for rows in epoch][NUM_WARMUP_STEPS:]

    def run() -> None:
        for rows in steps:
            for part in schedule.parts(rows):
                batch = ready.batch(SPLIT, part)
                cross_entropy(ready.logits(batch), batch.targets).backward()

    return count_flops(run) / len(steps)


@pytest.mark.parametrize("text", ["freeze", "freeze+cached"])
@pytest.mark.parametrize("micro", [None, 3])
def test_the_work_of_frozen_layers_is_what_is_counted(prepared: Prepare, text: str, micro: int | None) -> None:
    ready, schedule = prepared(text), schedule_for(text, micro_batch_size=micro)
    train(ready, SPLIT, schedule, on_step=lambda *_: None, on_point=lambda *_: None)

    found = work_for(ready, schedule)

    assert found.step_flops == pytest.approx(counted(ready, schedule), rel=0.01)
    assert found.flops_per_second == pytest.approx(3 * found.step_flops / 1.0)
    assert found.matmul_flops_per_second is not None
    assert found.mfu == pytest.approx(found.flops_per_second / found.matmul_flops_per_second)
    assert found.datasheet_mfu is None


@pytest.mark.parametrize("text", ["full", "full+checkpoint", "freeze:last=2"])
def test_what_is_made_twice_is_no_useful_work(prepared: Prepare, text: str) -> None:
    ready, schedule = prepared(text), schedule_for(text)

    useful = work_for(ready, schedule).step_flops

    executed = counted(ready, schedule)
    assert 0.6 * executed < useful < executed


def test_padding_is_work(prepared: Prepare) -> None:
    ready, schedule = prepared("freeze"), schedule_for("freeze")
    packed = work_for(ready, schedule).step_flops
    ready.forward.close()
    ready.forward = PaddedForward(ready.model, 0)

    found = work_for(ready, schedule).step_flops

    assert found == pytest.approx(counted(ready, schedule), rel=0.01)
    assert found > packed


def test_each_phase_of_a_plan_has_its_own_work_and_the_last_one_stays(prepared: Prepare) -> None:
    ready = prepared("full")
    names = list(ready.known)
    ready.phases = (Phase(0, frozenset(names[-1:])), Phase(1, frozenset(names)))
    schedule = schedule_for("full", epochs=2)
    seconds = [1.0] * 10

    def flops(first: int, last: int) -> float:
        part = Schedule(epochs=schedule.epochs[: 1 + (last > 5)])
        return work_of(
            ready,
            SPLIT,
            part,
            seconds[:last],
            num_warmup_steps=first,
            dtype=torch.float32,
            device_name="A CPU",
        ).step_flops

    assert flops(5, 10) > 2 * flops(0, 5)
    work_for(ready, Schedule(epochs=schedule.epochs), num_warmup_steps=0)
    assert all(param.requires_grad for param in ready.model.parameters())


def test_a_compiled_model_is_counted_by_what_it_was_made_from(prepared: Prepare) -> None:
    ready, schedule = prepared("full"), schedule_for("full")
    plain = work_for(ready, schedule).step_flops
    for layer in (module for module in ready.model.modules() if type(module).__name__ == "LlamaMLP"):
        layer.forward = torch.compile(layer.forward, backend="eager")

    assert work_for(ready, schedule).step_flops == plain


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_type_that_is_only_emulated_has_no_rate(
    prepared: Prepare, monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype
) -> None:
    monkeypatch.setattr(efficiency, "has_native_bf16", lambda _device: False)

    found = work_for(prepared("freeze"), schedule_for("freeze"), dtype=dtype)

    assert (found.matmul_flops_per_second, found.mfu) == (None, None)
    assert found.flops_per_second > 0


def test_a_known_gpu_is_held_against_its_datasheet_too(prepared: Prepare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(efficiency, "datasheet_peak", create_autospec(matmul_rate.datasheet_peak, return_value=1e9))

    found = work_for(prepared("freeze"), schedule_for("freeze"))

    assert found.datasheet_mfu == pytest.approx(found.flops_per_second / 1e9)


def test_a_kernel_for_various_lengths_sees_no_padding() -> None:
    layout = lay_out(np.array([2, 1]), with_bounds=True)
    ready: Any = SimpleNamespace(forward=None, batch=lambda _split, _rows: SimpleNamespace(layout=layout))
    rows = np.arange(5)
    lengths = SPLIT.lengths[rows]

    assert efficiency._extents(ready, SPLIT, torch.bfloat16)(rows) == Extent.packed(lengths.tolist())
    # which does nothing in fp32
    expected = Extent.packed(lengths.tolist(), num_pairs=num_pairs(lengths))
    assert efficiency._extents(ready, SPLIT, torch.float32)(rows) == expected
    assert expected.pairs > sum(lengths**2)
