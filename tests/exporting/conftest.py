"""Tiny models on disk, runs of them, and what they are exported to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bench.campaign.executing import only
from bench.executors import InProcessRunner
from bench.experiment.spec import RunSpec, WorkloadSpec, parse_strategy
from bench.measuring import matmul_rate
from bench.protocol import Request
from bench.records.store import Store
from bench.testing.models import fresh_model
from bench.workload.models.quiet import quiet
from bench.workload.toy import save_toy_reviews, toy_tokenizer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bench.records.record import RunRecord


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], WorkloadSpec]:
    """Save a tiny model without a head, by the name of its architecture, beside toy reviews."""
    folder = tmp_path_factory.mktemp("tiny")
    data = save_toy_reviews(folder / "reviews.csv")

    def save(name: str) -> WorkloadSpec:
        if not (folder / name).exists():
            with quiet():
                fresh_model(name).base_model.save_pretrained(folder / name)
                toy_tokenizer().save_pretrained(folder / name)
        return WorkloadSpec(model=str(folder / name), dataset=str(data), train_samples=28, eval_samples=12)

    return save


@pytest.fixture(scope="session")
def known() -> dict[str, RunRecord]:
    """What was measured before, by what was asked for."""
    return {}


@pytest.fixture
def measure(
    tiny: Callable[[str], WorkloadSpec], known: dict[str, RunRecord], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[Path, RunRecord]]:
    """Measure a strategy in this process, once in a session; a directory of its own, and its record."""
    monkeypatch.setenv("BENCH_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("BENCH_LOCK_DIR", str(tmp_path))
    monkeypatch.setattr(matmul_rate, "BUDGET_SECONDS", 0.0)

    def measure(text: str, model: str = "llama", **changes: Any) -> tuple[Path, RunRecord]:
        fields: dict[str, Any] = {"workload": tiny(model), "batch_size": 8, "epochs": 2, "lr": 1e-3} | changes
        spec = RunSpec(strategy=parse_strategy(text), **fields)
        key = spec.model_dump_json()
        if key not in known:
            known[key] = only(InProcessRunner(), Request(spec=spec))
        record = known[key]
        assert record.status == "ok", record.reason
        with Store.open(tmp_path / "results", resume=True) as store:
            store.write(record)
        return tmp_path / "results", record

    return measure
