from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bench.analysis.comparison import compare
from reports.writing import render, write_report

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bench.records.record import RunRecord


def test_what_is_printed_is_what_is_written(records: tuple[RunRecord, ...], tmp_path: Path) -> None:
    comparison, command = compare(records), "python -m bench report here"
    assert write_report([comparison], tmp_path, command=command) == tmp_path / "report.html"
    written = {"html": "report.html", "md": "summary.md", "csv": "comparison.csv"}
    for kind, name in written.items():
        assert (tmp_path / name).read_bytes().decode() == render([comparison], kind, command=command)


def test_a_figure_of_an_earlier_report_goes_with_it(
    make_record: Callable[..., RunRecord], records: tuple[RunRecord, ...], tmp_path: Path
) -> None:
    write_report([compare(records)], tmp_path)
    before = {path.name for path in tmp_path.glob("*.png")}
    write_report([compare([make_record(status="oom", reason="too large")])], tmp_path)
    after = {path.name for path in tmp_path.glob("*.png")}
    assert after < before
    assert "tradeoff.png" in before - after


def test_a_directory_that_is_a_file_is_not_overwritten(records: tuple[RunRecord, ...], tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(FileExistsError):
        write_report([compare(records)], tmp_path / "taken")
    assert (tmp_path / "taken").read_text() == "mine"
