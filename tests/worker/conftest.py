"""Whole runs of a tiny model in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bench.campaign.executing import only
from bench.executors import InProcessRunner
from bench.experiment.spec import RunSpec, WorkloadSpec, parse_strategy
from bench.measuring import matmul_rate
from bench.protocol import Request, Stage
from bench.workload.toy import save_tiny_llama, save_toy_reviews
from tests.training.conftest import classifier, prepared

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bench.protocol import Message
    from bench.records.record import RunRecord

__all__ = ["classifier", "prepared", "run", "workload"]


@pytest.fixture(scope="module")
def workload(tmp_path_factory: pytest.TempPathFactory) -> WorkloadSpec:
    folder = tmp_path_factory.mktemp("workload")
    model, data = save_tiny_llama(folder / "tiny"), save_toy_reviews(folder / "reviews.csv")
    return WorkloadSpec(model=str(model), dataset=str(data), train_samples=24, eval_samples=12)


@pytest.fixture
def run(
    workload: WorkloadSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[RunRecord, list[str]]]:
    """Carry out a run; its record, and the phases that it went through."""
    monkeypatch.setenv("BENCH_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("BENCH_LOCK_DIR", str(tmp_path))
    monkeypatch.setattr(matmul_rate, "BUDGET_SECONDS", 0.0)

    def carry_out(text: str = "full", *, save_model: str | None = None, **changes: Any) -> tuple[RunRecord, list[str]]:
        fields: dict[str, Any] = {"workload": workload, "batch_size": 8, "epochs": 2} | changes
        spec = RunSpec(strategy=parse_strategy(text), **fields)
        messages: list[Message] = []
        record = only(InProcessRunner(), Request(spec=spec, save_model=save_model), messages.append)
        return record, [message.name for message in messages if isinstance(message, Stage)]

    return carry_out
