from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from bench.forecasting import here
from tests.one_layer import save_one_layer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Bench = Callable[..., tuple[int, str, str]]


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Ask for two strategies, of which one cannot be told without the data, on a card."""
    monkeypatch.setenv("COLUMNS", "200")
    model = str(save_one_layer(tmp_path / "model"))
    rows = ["--lengths", "8", "--batch-size", "4"]
    return ["fit", "--model", model, "--strategies", "freeze,seen_embeddings", *rows, "--device", "t4-16gb"]


def test_the_table_has_a_row_for_each_strategy_and_says_why_another_has_none(asked: list[str], bench: Bench) -> None:
    code, shown, _ = bench(*asked)
    lines = shown.splitlines()
    assert code == 0
    assert lines[0].split() == ["strategy", "micro-batch", "peak", "GiB", "one", "row", "more", "passes", "for", "4"]
    assert lines[1].split()[:4] == ["freeze", "4,096", "or", "more"]
    assert lines[1].split()[-1] == "1"
    assert lines[3].startswith("seen_embeddings: seen_embeddings: what it saves depends on the words")
    assert lines[4].startswith("t4-16gb: 14.6 GiB that programs can use; NVIDIA T4 datasheet")
    assert lines[5].startswith("A micro-batch fits where its highest figure does.")
    assert lines[6].startswith("unproven: ")


def test_json_is_all_that_is_printed_also_of_what_does_not_fit(
    asked: list[str], bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(here.host_memory, "available_bytes", lambda: 0)
    code, shown, _ = bench(*asked, "--device", "cpu", "--json")
    read = json.loads(shown)
    assert code == 0
    assert list(read["strategies"]) == ["freeze"]
    assert read["strategies"]["freeze"]["micro_batch_size"] is None
    assert read["strategies"]["freeze"]["smallest_card"] == "t4-16gb"
    assert read["most_rows"] == 4096
    assert list(read["refused"]) == ["seen_embeddings"]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--device", "h100"], "unknown card 'h100'. Did you mean h100-80gb?"),
        (["--lengths", "long"], "--lengths long: give the tokens of every row"),
        (["--model", "llama-8b"], "unknown model 'llama-8b'. Did you mean llama-3-8b?"),
        (["--strategies", "ful"], "Did you mean full?"),
        (["--micro-batch-size", "2"], "No such option: --micro-batch-size"),
        (["--measure"], "--measure: t4-16gb is not here; measure on --device here or cpu"),
        (["--batch-size", "0"], "--batch-size: input should be greater than or equal to 1, not 0"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(more: list[str], words: str, asked: list[str], bench: Bench) -> None:
    code, shown, errors = bench(*asked, *more)
    assert (code, shown, errors.count("\n")) == (2, "", 1)
    assert words in errors


def test_weights_that_are_not_here_are_told_before_anything_runs(bench: Bench) -> None:
    code, shown, errors = bench("fit", "--model", "llama-3-8b", "--device", "cpu", "--measure")
    assert (code, shown, errors.count("\n")) == (2, "", 1)
    assert "llama-3-8b is here as a configuration without weights" in errors
