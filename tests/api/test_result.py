from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

import bench
from bench.errors import UnknownName, UsageError
from bench.records.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bench.records.record import RunRecord


@pytest.fixture
def directory(records: tuple[RunRecord, ...], tmp_path: Path) -> Path:
    with Store.open(tmp_path / "runs of it", resume=False) as store:
        for record in records:
            store.write(record)
    return tmp_path / "runs of it"


def test_the_table_holds_every_strategy_and_metric_with_interval_and_letters(directory: Path) -> None:
    table = bench.load(directory).table
    accuracy = table.xs("accuracy", level="metric")
    assert set(accuracy.index) == {"full", "freeze", "freeze:last=2+amp", "llrd:decay=0.8"}
    frozen = accuracy.loc["freeze"]
    assert frozen["low"] < frozen["relative"] < frozen["high"]
    throughput = table.xs("samples_per_second", level="metric")
    assert throughput.loc["freeze", "letters"] != throughput.loc["full", "letters"]
    assert accuracy["relative"].isna()["full"], "the reference is compared with itself"
    assert (table.loc["full+wide", "status"] == "oom").all(), "a failure is a row"


def test_the_runs_are_a_row_each(directory: Path, records: tuple[RunRecord, ...]) -> None:
    result = bench.load(directory)
    assert len(result.runs) == len(records) == len(result.records)
    assert {"strategy", "seed", "status", "accuracy"} <= set(result.runs.columns)


def test_it_reads_well_in_a_plain_prompt_and_in_a_notebook(directory: Path) -> None:
    result = bench.load(directory)
    said = " ".join(repr(result).split())
    assert result.headline in said
    assert "\x1b" not in repr(result)
    page = result._repr_html_()
    assert page.count("<tr") == 6
    assert "freeze:last=2+amp" in page


def test_what_strategies_are_called_is_no_html(make_record: Callable[..., RunRecord], tmp_path: Path) -> None:
    with Store.open(tmp_path, resume=False) as store:
        store.write(make_record("<script>"))
    page = bench.load(tmp_path)._repr_html_()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_the_report_is_written_where_it_is_asked_for(directory: Path, tmp_path: Path) -> None:
    page = bench.load(directory).report(tmp_path / "page")
    assert page == tmp_path / "page" / "report.html"
    assert list(page.parent.glob("*.png"))
    assert not (directory / "report.html").exists()
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot write the report to"):
        bench.load(directory).report(tmp_path / "file")


def test_several_directories_are_compared_apart(
    directory: Path, make_record: Callable[..., RunRecord], tmp_path: Path
) -> None:
    with Store.open(tmp_path / "other", resume=False) as store:
        store.write(make_record("full", workload={"model": "other"}))
    result = bench.load(directory, tmp_path / "other")
    assert len(result.comparisons) == 2
    assert result.table.index.names == ["model", "dataset", "device", "strategy", "metric"]
    assert re.search(r"^other on rotten-tomatoes.*: ", result.headline, re.MULTILINE)
    assert result._repr_html_().count("<h4>") == 2
    with pytest.raises(UsageError, match="several directories"):
        result.report()


def test_what_cannot_be_loaded_is_told(directory: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no runs"):
        bench.load(tmp_path / "nothing")
    with pytest.raises(UsageError, match="at least one"):
        bench.load()
    with pytest.raises(UnknownName, match="Did you mean macro_f1"):
        bench.load(directory, quality="macrof1")
    with pytest.raises(UnknownName, match="Did you mean freeze"):
        bench.load(directory, reference="freez")
