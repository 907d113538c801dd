from __future__ import annotations

from typing import TYPE_CHECKING

from bench.workload.toy import save_tiny_llama

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

    Bench = Callable[..., tuple[int, str, str]]


def test_a_table_has_a_row_for_each_strategy_and_says_why_another_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bench: Bench
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    model = save_tiny_llama(tmp_path / "model")
    asked = ("--model", str(model), "--strategies", "freeze,seen_embeddings", "--lengths", "8", "--batch-size", "4")
    code, shown, _ = bench("forecast", *asked)
    lines = shown.splitlines()
    assert code == 0
    assert lines[0].split()[:4] == ["strategy", "trains", "peak", "GiB"]
    assert lines[1].split()[:2] == ["freeze", "32"]
    assert lines[2].startswith("seen_embeddings: what it saves depends on the words")
