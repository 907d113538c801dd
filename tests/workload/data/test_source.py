from __future__ import annotations

import os
from typing import TYPE_CHECKING

from bench.workload.data import source

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

    from bench.workload.data.dataset import Data

    Load = Callable[..., Data]
    WriteCsv = Callable[..., Path]
    Reviews = list[tuple[str, str]]


def test_changed_content_of_the_same_size_and_time_is_noticed(load: Load, write_csv: WriteCsv) -> None:
    file = write_csv([(f"{number % 5} film", "ab"[number % 2]) for number in range(20)])
    first, status = load(file), file.stat()
    write_csv([(f"{number % 5} film", "ab"[(number + 1) % 2]) for number in range(20)])
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert file.stat().st_size == status.st_size
    assert load(file).digest != first.digest


def test_a_large_file_is_known_by_size_and_time(
    load: Load, write_csv: WriteCsv, reviews: Reviews, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "HASHED_BYTES", 0)
    file = write_csv(reviews)
    first = load(file)
    write_csv([(f"{text} 0", label) for text, label in reviews])
    assert load(file).digest != first.digest
