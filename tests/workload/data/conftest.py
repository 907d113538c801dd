from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bench.experiment.spec import WorkloadSpec
from bench.workload.data.dataset import Data, load_data

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Load = Callable[..., Data]


@pytest.fixture
def load(tiny_model: Path) -> Load:
    """Load all rows of a data set for the tiny model."""

    def load(dataset: Path | str, **options: Any) -> Data:
        options = {"train_samples": None, "eval_samples": None} | options
        return load_data(WorkloadSpec(model=str(tiny_model), dataset=str(dataset), **options))

    return load
