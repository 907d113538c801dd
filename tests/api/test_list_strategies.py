from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from bench.beside.strategies.freeze import Freeze

import bench
from bench.api.list_strategies import UNUSABLE, details_of
from bench.errors import UsageError
from bench.experiment import registry
from bench.plan.families import Family

if TYPE_CHECKING:
    from pathlib import Path

BROKEN = """
from dataclasses import dataclass

@dataclass(frozen=True)
class Confused:
    \"\"\"Say nothing.\"\"\"

    def edit(self, view):
        raise RuntimeError("no idea")
"""


def test_every_strategy_is_listed_with_options_source_and_family() -> None:
    table = bench.strategies()
    assert sorted(table.index) == sorted(registry.names())
    assert "last=int [0]" in table.loc["freeze", "options"]
    assert table.loc["freeze", "source"] == "Lee, Tang and Lin 2019, arXiv 1911.03090"
    assert (table[["description", "source"]] != "").all(axis=None)
    assert list(dict.fromkeys(table["family"])) == list(Family), "family by family"
    assert table.loc["lora", "family"] == Family.ADDED


def test_what_does_not_run_here_says_why_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    monkeypatch.setattr(Freeze, "needs", ("no_such_package",), raising=False)
    table = bench.strategies()
    assert list(table.index[~table["runs_here"]]) == ["freeze", "amp"]
    assert table.loc["freeze", "why_not"] == "needs no_such_package: pip install no_such_package"
    assert table.loc["amp", "why_not"].startswith("this CPU has no native bf16")
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"bf16": True})
    assert bench.strategies().loc["amp", "runs_here"]


def test_details_tell_what_is_set_what_conflicts_and_every_type_of_adapter() -> None:
    table = bench.strategies(details=True)
    assert table.loc["freeze", "sets"] == "phases: only the head trains"
    conflicts = {name: set(row.split(", ")) for name, row in table["conflicts"].items()}
    assert {"full", "bitfit"} <= conflicts["freeze"]
    assert "freeze" in conflicts["full"]
    assert "amp" not in conflicts["freeze"]
    types = table.index[table.index.str.startswith("adapter:type=")]
    assert len(types) >= 25
    assert len(set(table.index)) >= 60, "with the types that peft has"
    assert "oft_block_size=int [32]" in table.loc["adapter:type=oft", "options"]


def test_one_of_a_file_is_told_of_too_and_why_it_does_not_run(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(BROKEN)
    (one,) = details_of([f"{file}:Confused"], strict=True)
    assert one["says"] == "Say nothing."
    assert one["why_not"] == "its edit raises RuntimeError: no idea"
    file.write_text("raise SystemExit")
    with pytest.raises(UsageError, match="cannot be imported"):
        details_of([f"{file}:Confused"], strict=True)
    (unusable,) = details_of([f"{file}:Confused"])
    assert unusable["family"] == UNUSABLE
