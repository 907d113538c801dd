"""Data sets read from what stands on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import datasets  # type: ignore[import-untyped]
import pytest

from bench.errors import UsageError
from bench.experiment.spec import WorkloadSpec
from bench.workload.data.check import check_dataset
from bench.workload.data.source import source_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bench.workload.rows import Rows


@pytest.fixture
def read() -> Callable[..., tuple[Rows, Rows | None]]:
    """Read the splits of a local data set, as a comparison does: checked first."""

    def read(dataset: Path, **options: Any) -> tuple[Rows, Rows | None]:
        spec = WorkloadSpec(dataset=str(dataset), **options)
        check_dataset(spec)
        return source_of(spec).read()

    return read


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write a file below the test's folder, of bytes or of text in UTF-8."""

    def write(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.fixture
def refused(read: Callable[..., object]) -> Callable[..., str]:
    """Read what must be refused, and give the one line that says why."""

    def refused(dataset: Path, **options: Any) -> str:
        with pytest.raises(UsageError) as caught:
            read(dataset, **options)
        told = str(caught.value)
        assert "\n" not in told
        return told

    return refused


def table(number: int, num_rows: int = 2) -> datasets.Dataset:
    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["neg", "pos"])})
    texts = [f"film {number} {row}" for row in range(num_rows)]
    return datasets.Dataset.from_dict({"text": texts, "label": [row % 2 for row in range(num_rows)]}, features=features)


@pytest.fixture
def parquet(tmp_path: Path) -> Callable[..., Path]:
    """Write a Parquet file, each with texts of its own, for each name below a folder."""

    def parquet(*names: str, folder: str = "set") -> Path:
        for number, name in enumerate(names):
            path = tmp_path / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            table(number).to_parquet(path)
        return tmp_path / folder

    return parquet
