from __future__ import annotations

from pathlib import Path
from tempfile import mkdtemp

import pytest

from bench.errors import BenchError
from bench.records.shelf import remove_left, shelf_in


def test_a_shelf_is_gone_after_its_context_and_one_that_was_left_by_the_next_writer(tmp_path: Path) -> None:
    with shelf_in(tmp_path) as shelf:
        Path(shelf, "stored").touch()
    assert list(tmp_path.iterdir()) == []
    left = Path(mkdtemp(prefix=".shelf-", dir=tmp_path))
    (left / "stored").touch()
    half, whole = tmp_path / ".one.json.0f.tmp", tmp_path / "one.json"
    for file in (half, whole):
        file.touch()
    remove_left(tmp_path)
    assert list(tmp_path.iterdir()) == [whole]


def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"cannot write to .*no-such.*; make room"):
        shelf_in(tmp_path / "no-such")
