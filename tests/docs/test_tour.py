"""docs/tour.ipynb runs in a real kernel, its model and data replaced by tiny ones."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
from nbclient import NotebookClient

from bench.workload.toy import save_tiny_llama, save_toy_reviews

if TYPE_CHECKING:
    import pytest

TOUR = Path(__file__).parents[2] / "docs" / "tour.ipynb"
COUNT = "\nwith open('ran.txt', 'a') as ran: ran.write('cell ')"


def test_the_tour_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("BENCH_LOCK_DIR", str(tmp_path))
    model, data = save_tiny_llama(tmp_path / "tiny"), save_toy_reviews(tmp_path / "reviews.csv")
    notebook = nbformat.read(TOUR, as_version=4)
    assert [cell["outputs"] for cell in notebook.cells if cell.cell_type == "code" and cell["outputs"]] == []
    (parameters,) = (cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", ()))
    parameters.source = f"MODEL, DATA = {str(model)!r}, {str(data)!r}{COUNT}"

    NotebookClient(notebook, timeout=240, resources={"metadata": {"path": str(tmp_path)}}).execute()

    assert (tmp_path / "ran.txt").read_text() == "cell ", "a run has run the cells again"
    outputs: dict[str, Any] = {cell.source: cell.outputs for cell in notebook.cells if cell.cell_type == "code"}
    assert max(map(len, outputs.values())) == 1, "progress is one output, and nothing else prints"
    (progress,) = next(outputs[source] for source in outputs if "bench.compare(" in source)
    assert "run 6 of 6: " in progress["data"]["text/plain"]
    (shown,) = outputs["result"]
    assert shown["data"]["text/html"].count("<tr") == 4
    (page,) = next(outputs[source] for source in outputs if "result.report()" in source)
    assert page["data"]["text/plain"] == "'report.html'"
