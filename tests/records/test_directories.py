from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bench.errors import UsageError
from bench.records.directories import read_directories
from bench.records.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bench.records.record import RunRecord


def test_each_directory_has_its_own_runs_and_what_was_left_out_is_said(
    tmp_path: Path, make_record: Callable[..., RunRecord]
) -> None:
    for name, strategy in (("one", "full"), ("two", "freeze")):
        with Store.open(tmp_path / name, resume=False) as store:
            store.write(make_record(strategy))
    (tmp_path / "two" / "runs" / "x.json").write_text("no record")
    read, warnings = read_directories([tmp_path / "one", tmp_path / "two"])
    assert [[record.spec.name for record in records] for records in read] == [["full"], ["freeze"]]
    assert len(warnings) == 1
    assert "x.json" in warnings[0]


def test_a_file_and_a_directory_without_runs_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(UsageError, match="is a file"):
        read_directories([file])
    with pytest.raises(UsageError, match="holds no runs"):
        read_directories([tmp_path])
