"""A tiny model and tiny data for whole commands."""

from __future__ import annotations

import pytest

from bench.workload.toy import save_tiny_llama, save_toy_reviews
from tests.exporting.conftest import known, measure, tiny

__all__ = ["known", "measure", "tiny", "workload"]


@pytest.fixture(scope="module")
def workload(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Options that name a tiny model and tiny data."""
    folder = tmp_path_factory.mktemp("workload")
    model, data = save_tiny_llama(folder / "tiny"), save_toy_reviews(folder / "reviews.csv")
    options = ["--model", str(model), "--dataset", str(data), "--device", "cpu"]
    options += ["--no-forecast"]  # which takes longer than all that runs do
    return [*options, "--epochs", "1", "--batch-size", "8", "--train-samples", "24", "--eval-samples", "12"]
