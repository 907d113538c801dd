from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from bench.workload.toy import save_tiny_llama

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Bench = Callable[..., tuple[int, str, str]]


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Ask for two strategies, of which one cannot be told without the data, on a card."""
    monkeypatch.setenv("COLUMNS", "200")
    model = str(save_tiny_llama(tmp_path / "model"))
    rows = ["--lengths", "8", "--batch-size", "4", "--seeds", "3"]
    return ["forecast", "--model", model, "--strategies", "freeze,seen_embeddings", *rows, "--device", "t4-16gb"]


def test_tables_have_a_row_for_each_strategy_and_say_why_another_has_none(asked: list[str], bench: Bench) -> None:
    code, shown, _ = bench(*asked, "--price", "$2.50/h")
    lines = shown.splitlines()
    assert code == 0
    assert lines[0].split() == [
        *["strategy", "trains", "peak", "GiB", "t4-16gb", "smallest", "card", "a", "run", "costs"]
    ]
    assert lines[1].split()[:2] == ["freeze", "32"]
    assert " fits " in lines[1]
    assert lines[1].count("$") == 2
    assert lines[3].split()[:3] == ["strategy", "GiB:", "weights"]
    assert lines[6].startswith("seen_embeddings: seen_embeddings: what it saves depends on the words")
    assert lines[7].startswith("t4-16gb: 14.6 GiB that programs can use; NVIDIA T4 datasheet")
    assert lines[8].startswith("All 3 runs, one after the other: ")
    assert lines[9].startswith("unproven: ")


def test_of_several_processes_it_says_why_no_time_and_no_price_are_told(asked: list[str], bench: Bench) -> None:
    shown = {words: bench(*asked, *words)[1] for words in (("--nproc", "2", "--price", "2/h"), ("--nproc", "2"), ())}
    with_price, without, alone = shown.values()
    why = "not told where several processes share a run: how fast they hear of each other is not known."
    assert with_price.splitlines().count(f"Time and price are {why}") == 1
    assert without.splitlines().count(f"Time is {why}") == 1
    assert why not in alone


def test_json_is_all_that_is_printed(asked: list[str], bench: Bench) -> None:
    code, shown, _ = bench(*asked, "--json")
    read = json.loads(shown)
    assert code == 0
    assert read["card"] == "t4-16gb"
    assert list(read["strategies"]) == ["freeze"]
    assert read["strategies"]["freeze"]["num_trainable_params"] == 32
    assert read["cost"] is None


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--device", "h100"], "unknown card 'h100'. Did you mean h100-80gb?"),
        (["--price", "cheap"], "--price cheap: give the price of an hour"),
        (["--lengths", "long"], "--lengths long: give the tokens of every row"),
        (["--model", "llama-8b"], "unknown model 'llama-8b'. Did you mean llama-3-8b?"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(more: list[str], words: str, asked: list[str], bench: Bench) -> None:
    code, shown, errors = bench(*asked, *more)
    assert (code, shown, errors.count("\n")) == (2, "", 1)
    assert words in errors
