from __future__ import annotations

from typing import TYPE_CHECKING
from unittest.mock import create_autospec

import pytest
import torch

from bench.errors import AssetError, Unsupported
from bench.experiment.spec import RunSpec, parse_strategy
from bench.measuring import matmul_rate
from bench.training.schedule import schedule_of
from bench.training.trainer import train
from bench.worker import afterwards
from bench.worker.afterwards import Afterwards, look_closer
from bench.worker.efficiency import work_of
from bench.workload.toy import toy_split

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bench.training.prepared import Prepared

SPLIT = toy_split(40)


@pytest.fixture
def look(
    prepared: Callable[..., Prepared], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Afterwards]:
    """Train a tiny model, and look closer."""
    monkeypatch.setenv("BENCH_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(matmul_rate, "BUDGET_SECONDS", 0.0)

    def run(*, num_steps: int = 5) -> Afterwards:
        ready = prepared("full")
        schedule = schedule_of(RunSpec(strategy=parse_strategy("full"), batch_size=8, steps=num_steps), SPLIT)
        trained = train(ready, SPLIT, schedule, on_step=lambda *_: None, on_point=lambda *_: None)
        return look_closer(
            ready,
            SPLIT,
            schedule,
            trained,
            num_warmup_steps=2,
            dtype=torch.float32,
            device_name="A CPU",
        )

    return run


def test_the_arithmetic_of_steps_is_counted(look: Callable[..., Afterwards]) -> None:
    found = look()

    assert found.work is not None
    assert found.flags == ()
    assert found.seconds > 0


def test_a_run_of_warm_up_steps_alone_has_nothing_to_look_at(look: Callable[..., Afterwards]) -> None:
    found = look(num_steps=2)

    assert (found.work, found.flags) == (None, ())


@pytest.mark.parametrize(
    "error", [Unsupported("no formula\nsecond line"), AssetError("no formula"), torch.OutOfMemoryError("no formula")]
)
def test_what_cannot_be_measured_is_a_flag(
    look: Callable[..., Afterwards], monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(afterwards, "work_of", create_autospec(work_of, side_effect=error))

    found = look()

    assert found.work is None
    assert [(flag.code, flag.message) for flag in found.flags] == [("probe-failed", "counting FLOPs: no formula")]


def test_a_fault_of_ours_is_not_hidden(look: Callable[..., Afterwards], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(afterwards, "work_of", create_autospec(work_of, side_effect=KeyError("x")))

    with pytest.raises(KeyError):
        look()
