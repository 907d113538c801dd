from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from bench.cli import dry_run
from bench.executors import InProcessRunner
from bench.forecasting import compositions, here
from bench.records.record import RunRecord

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def quick_speed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Measure this machine in no time, and forget it; print on long lines."""
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("BENCH_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(here, "BUDGET_SECONDS", 0.0)
    monkeypatch.setattr(here, "COPIES", {"cpu": (2**16, 2**20)})
    monkeypatch.setattr(here, "PRODUCTS", {"cpu": ((8, 32), (16, 64))})


def test_the_matrix_is_printed_and_nothing_is_done(
    bench: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    code, told, _ = bench("compare", "--strategies", "freeze,full", "--seeds", "2", "--no-forecast", "--dry-run")
    assert code == 0
    assert len(told.splitlines()) == 5
    assert list((tmp_path / "here").iterdir()) == []


def test_it_minds_the_file_that_lies_here_and_the_device(
    bench: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    (tmp_path / "bench.toml").write_text('strategies = ["full", "freeze"]\nseeds = 3\n')
    code, told, _ = bench("compare", "--dry-run", "--no-forecast")
    assert code == 0
    assert len(told.splitlines()) == 1 + 2 * 3
    code, _, errors = bench("compare", "--device", "cuda", "--dry-run")
    assert code == 2
    assert "no usable GPU for --device cuda" in errors
    (tmp_path / "bench.toml").write_text("[gate]\nmargni = 0.1\n")
    code, _, errors = bench("compare", "--dry-run")
    assert code == 2
    assert "Did you mean margin" in errors


def test_groups_are_shown_as_what_they_hold(
    bench: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bench.toml").write_text('[groups]\nmine = ["llrd", "@article"]\n')
    code, told, _ = bench("compare", "--strategies", "full,@mine", "--no-forecast", "--dry-run")
    assert code == 0
    shown = {line.split()[1] for line in told.splitlines()[1:]}
    assert shown == {"full", "llrd", "freeze", "discriminative", "amp"}
    code, _, errors = bench("compare", "--strategies", "full,@mein", "--dry-run")
    assert code == 2
    assert errors.startswith("bench: unknown group in --strategies '@mein'. Did you mean @mine?")
    assert len(errors.splitlines()) == 1


def test_what_is_read_is_told_before_the_first_run_and_in_a_dry_run(
    bench: Callable[..., tuple[int, str, str]], workload: list[str], tmp_path: Path
) -> None:
    lines = ["read: ", "used: 24 to train on", "duplicates: ", "classes: 2, ", "lengths: median "]
    arguments = ["compare", "--strategies", "freeze", *workload]
    code, dry, told_dry = bench(*arguments, "--no-forecast", "--dry-run")
    assert code == 0
    assert len(dry.splitlines()) == 2
    told = told_dry.splitlines()
    assert [line.startswith(start) for line, start in zip(told, lines, strict=True)] == [True] * 5
    out = tmp_path / "out"
    code, done, errors = bench(*arguments, "--in-process", "--out", out)
    assert code == 0
    said = errors.splitlines()
    assert [line for line in said if line in told] == told
    assert max(map(said.index, told)) < min(number for number, line in enumerate(said) if line.startswith("dry step"))
    assert told[0] not in done
    code, again, _ = bench("report", out)
    assert code == 0
    assert told[1] in " ".join(again.split())
    assert f"- {told[0]}" in (out / "summary.md").read_text()


@pytest.mark.usefixtures("quick_speed")
def test_a_dry_run_forecasts_what_the_strategies_take_on_these_rows(
    bench: Callable[..., tuple[int, str, str]], workload: list[str]
) -> None:
    code, shown, told = bench("compare", "--strategies", "freeze,full", *workload, "--forecast", "--dry-run")
    assert code == 0
    assert told.splitlines()[-1].startswith("lengths: ")
    matrix, forecast, parts, sentences = shown.split("\n\n")
    assert len(matrix.splitlines()) == 3
    head, freeze, full = forecast.splitlines()
    assert head.split()[:4] == ["strategy", "trains", "peak", "GiB"]
    assert freeze.split()[:2] == ["freeze", "32"]
    assert full.split()[0] == "full"
    assert parts.startswith("strategy  GiB: weights")
    assert "that programs can use; measured on this machine" in sentences
    assert "All 2 runs, one after the other: " in sentences


@pytest.mark.usefixtures("quick_speed")
def test_what_a_run_would_skip_is_named_with_the_reason_that_its_row_has(
    bench: Callable[..., tuple[int, str, str]], workload: list[str], tmp_path: Path
) -> None:
    asked = ["compare", "--strategies", "full,freeze+shard", "--way", "packed-varlen", *workload]
    code, shown, _ = bench(*asked, "--forecast", "--dry-run")
    assert code == 0
    told = dict(line.split(" would be skipped: ") for line in shown.splitlines() if "skipped" in line)
    assert list(told) == ["full", "freeze+shard"]
    code, _, _ = bench(*asked, "--in-process", "--out", tmp_path / "out")
    assert code == 0
    records = [RunRecord.from_json(path.read_text()) for path in (tmp_path / "out" / "runs").glob("*.json")]
    assert {record.spec.name: record.reason for record in records} == told


@pytest.mark.usefixtures("quick_speed")
def test_what_cannot_fit_would_be_skipped_unless_it_is_forced_or_halved(
    bench: Callable[..., tuple[int, str, str]], workload: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(here.psutil, "virtual_memory", lambda: SimpleNamespace(total=1000))
    asked = ["compare", "--strategies", "full", *workload, "--forecast", "--dry-run"]
    _, shown, _ = bench(*asked)
    assert "full would be skipped: the forecast: it takes at least " in shown
    for option in (["--force"], ["--on-oom", "halve"]):
        _, shown, _ = bench(*asked, *option)
        assert "skipped" not in shown


def test_a_forecast_that_fails_is_a_line_below_the_matrix(
    bench: Callable[..., tuple[int, str, str]], workload: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: object, **__: object) -> None:
        raise RuntimeError("of no shape\nand more")

    monkeypatch.setattr(compositions, "outlook", breaks)
    code, shown, told = bench("compare", "--strategies", "freeze", *workload, "--forecast", "--dry-run")
    assert (code, len(shown.splitlines())) == (0, 2)
    assert told.splitlines()[-1] == "no forecast: of no shape"


def test_what_would_have_to_be_fetched_is_said(bench: Callable[..., tuple[int, str, str]]) -> None:
    code, _, errors = bench("compare", "--model", "owner/name", "--strategies", "freeze", "--dry-run")
    assert code == 0
    assert "to fetch, owner/name to look up on the Hub" in errors
    assert "before the first run, and a forecast here once it is there; it takes" in errors


def test_the_matrix_has_the_micro_batches_that_would_be_found(
    bench: Callable[..., tuple[int, str, str]], workload: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ["compare", "--strategies", "full", *workload, "--micro-batch-size", "fit", "--dry-run"]
    monkeypatch.setattr(dry_run, "Runner", InProcessRunner)
    code, told, errors = bench(*arguments)
    assert code == 0
    assert "micro-batch of full: the whole batch of 8, " in errors
    assert " by " not in told
    monkeypatch.setattr(here.host_memory, "available_bytes", lambda: 0)
    code, told, errors = bench(*arguments)
    assert code == 0
    assert "micro-batch of full: not even one row fits for certain" in errors
    assert "8 by 1" in told


def test_micro_batches_wait_for_what_has_to_be_fetched(bench: Callable[..., tuple[int, str, str]]) -> None:
    code, _, errors = bench("compare", "--model", "owner/name", "--micro-batch-size", "fit", "--dry-run")
    assert code == 0
    assert "what is read will be shown before the first run, and micro-batches found, " in errors
