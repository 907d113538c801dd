"""`bench export` as it is called."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bench.records.record import RunRecord

    Bench = Callable[..., tuple[int, str, str]]


def test_export_prints_or_writes(bench: Bench, measure: Callable[..., tuple[Path, RunRecord]], tmp_path: Path) -> None:
    directory, _ = measure("freeze", "llama")
    asked = ("export", directory, "--strategy", "freeze", "--to", "trainer")
    code, printed, said = bench(*asked)
    assert code == 0
    assert "import bench" not in printed
    assert len(printed.splitlines()) <= 120
    assert said.endswith("the rows that it reads are written with --out FILE\n")

    code, shown, _ = bench(*asked, "--out", tmp_path / "freeze.py")
    assert (code, shown) == (0, "")
    assert (tmp_path / "freeze.py").read_text() == printed
    rows = [json.loads(line) for line in (tmp_path / "freeze-train.jsonl").read_text().splitlines()]
    assert len(rows) == 28
    assert {row["label"] for row in rows} == {"bad", "good"}
    assert len((tmp_path / "freeze-eval.jsonl").read_text().splitlines()) == 12

    code, _, said = bench(*asked, "--out", tmp_path / "nowhere" / "freeze.py")
    assert code == 2
    assert "name a file in a directory that can be written" in said.splitlines()[-1]


def test_a_strategy_without_a_run_is_one_line(bench: Bench, tmp_path: Path) -> None:
    code, _, said = bench("export", tmp_path, "--strategy", "full", "--to", "trainer")
    assert (code, said.count("\n")) == (2, 1)
