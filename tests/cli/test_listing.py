from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bench.experiment import registry
from bench.experiment.built_in_groups import GROUPS
from bench.plan.families import Family

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Bench = Callable[..., tuple[int, str, str]]


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (
            "models",
            ["smollm2-135m", "Apache-2.0", "llama-3-70b", "70,554M parameters, Llama 3 Community", "without weights"],
        ),
        ("datasets", ["rotten-tomatoes", "imdb", "bbc-news", "drug-reviews"]),
        ("metrics", ["samples_per_second", "samples/s", "higher is better"]),
    ],
)
def test_lists_document_every_name(
    kind: str, words: list[str], monkeypatch: pytest.MonkeyPatch, bench: Callable[..., tuple[int, str, str]]
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    code, shown, _ = bench("list", kind)
    assert code == 0
    assert all(word in shown for word in words), shown


def test_groups_are_listed_with_what_they_hold(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, bench: Bench) -> None:
    monkeypatch.setenv("COLUMNS", "2000")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bench.toml").write_text('[groups]\nmine = ["llrd", "@article"]\n')
    code, shown, _ = bench("list", "groups")
    assert code == 0
    _, *lines = (" ".join(line.split()) for line in shown.splitlines())
    assert [line.split()[0] for line in lines] == [*(f"@{name}" for name in GROUPS), "@mine"]
    assert lines[0].endswith("freeze, full, discriminative, amp")
    assert any(line.startswith("@running Memory and time accumulate, freeze+cached, checkpoint") for line in lines)
    assert lines[-1] == "@mine Of bench.toml llrd, @article"


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_strategies_are_listed_by_family_as_wide_as_the_terminal(
    columns: int, monkeypatch: pytest.MonkeyPatch, bench: Bench
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    code, shown, _ = bench("list", "strategies")
    assert code == 0
    lines = shown.splitlines()
    assert [line for line in lines if line in set(Family)] == list(Family)
    assert {line.split()[0] for line in lines if line.startswith("  ") and line[2] != " "} == set(registry.names())
    assert max(map(len, lines[:-1])) <= columns
    assert all(line == line.rstrip() for line in lines)
    assert "options: dtype=auto" in shown
    assert "\x1b" not in shown


def test_all_there_is_to_say_of_one_is_told_by_its_name(monkeypatch: pytest.MonkeyPatch, bench: Bench) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    code, shown, _ = bench("list", "strategies", "freeze", "cached")
    assert code == 0
    first, second = shown.split("\n\n")
    told = {line[2:14].strip(): line[14:] for line in first.splitlines()}
    assert told["options"] == "last=int [0]"
    assert told["source"] == "Lee, Tang and Lin 2019, arXiv 1911.03090"
    assert told["sets"] == "phases: only the head trains"
    assert told["not with"].startswith("bitfit, chain_thaw, full")
    assert told["runs here"] == "yes"
    assert "not alone   cached stores the output of frozen layers" in second
    assert max(map(len, shown.splitlines())) <= 80


def test_the_types_of_a_door_are_listed_with_their_options(bench: Bench) -> None:
    code, shown, _ = bench("list", "strategies", "adapter")
    assert code == 0
    listed = [line.split() for line in shown.splitlines() if line.startswith("    type=")]
    assert len(listed) >= 25
    assert ["type=beft", "init_weights=true"] in listed


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["strategies", "freez"], "Did you mean freeze"),
        (["strategies", "adapter:type=oftt"], "Did you mean oft"),
        (["models", "minilm-l6"], "takes no names"),
        (["metrics", "--details"], "takes no names and no --details"),
    ],
)
def test_what_cannot_be_listed_is_said(words: list[str], told: str, bench: Bench) -> None:
    code, _, errors = bench("list", *words)
    assert code == 2
    assert told in errors
