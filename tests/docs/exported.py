"""The files that quickstart.md shows: what the exporter writes of a run of a tiny model, under the names of a reader's own."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

from bench.campaign.executing import only
from bench.executors import InProcessRunner
from bench.experiment.spec import RunSpec, WorkloadSpec, parse_strategy
from bench.exporting.export import export
from bench.measuring import matmul_rate
from bench.protocol import Request
from bench.records.store import Store
from bench.workload.toy import save_tiny_llama, save_toy_reviews

if TYPE_CHECKING:
    from bench.exporting.forms import Form
    from bench.records.record import RunRecord

__all__ = ["exported", "shown_in"]

FILES: dict[str, Form] = {"lora.py": "trainer", "lora.yaml": "llamafactory"}
END = "\n```\n"
HOME = "/home/me/tickets"


def exported() -> dict[str, str]:
    """Measure `lora`, and export it: the text of each file, by its name."""
    with TemporaryDirectory() as place, pytest.MonkeyPatch.context() as patch:
        folder = Path(place).resolve()
        patch.setenv("BENCH_CACHE_DIR", str(folder / "cache"))
        patch.setenv("BENCH_LOCK_DIR", str(folder))
        patch.setattr(matmul_rate, "BUDGET_SECONDS", 0.0)
        with Store.open(folder / "results", resume=False) as store:
            store.write(_as_if_elsewhere(_measured(folder)))
        texts = {file: export(folder / "results", "lora", form, folder / file) for file, form in FILES.items()}
    return {file: text.replace(str(folder), HOME) for file, text in texts.items()}


def shown_in(page: str, texts: dict[str, str]) -> str:
    """Put these texts into the blocks of a page that are fenced with their names."""
    for file, text in texts.items():
        before, fence, after = re.split(rf"(^```\w+ {re.escape(file)}$)", page, maxsplit=1, flags=re.MULTILINE)
        page = f"{before}{fence}\n{text}{after[after.index(END) + 1 :]}"
    return page


def _measured(folder: Path) -> RunRecord:
    model = save_tiny_llama(folder / "my-llama")
    rows = save_toy_reviews(folder / "tickets.csv", 240)
    rows.write_text(rows.read_text().replace("text,label", "body,queue", 1))
    columns = {"text_column": "body", "label_column": "queue"}
    workload = WorkloadSpec(model=str(model), dataset=str(rows), **columns, train_samples=64, eval_samples=16)
    spec = RunSpec(strategy=parse_strategy("lora"), workload=workload)
    record = only(InProcessRunner(), Request(spec=spec))
    assert record.status == "ok", record.reason
    return record


def _as_if_elsewhere(record: RunRecord) -> RunRecord:
    """Leave out what differs by machine and day: the export does not depend on it, but for words."""
    assert record.measured
    assert record.environment
    evaluation = record.measured.evaluation.model_copy(update={"accuracy": 0.9375})
    return record.model_copy(
        update={
            "started_at": datetime(2026, 11, 24, tzinfo=UTC),
            "measured": record.measured.model_copy(update={"evaluation": evaluation, "train_seconds": 72.5}),
            "environment": record.environment.model_copy(update={"device_name": "NVIDIA L4", "versions": {}}),
        }
    )
