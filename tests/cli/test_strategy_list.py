from __future__ import annotations

import io

import pytest
from rich.console import Console

from bench.api.strategy_entry import strategy_entry
from bench.cli import strategy_list
from bench.cli.strategy_list import show


def _shown(*names: str, width: int = 60) -> str:
    console = Console(file=io.StringIO(), width=width)
    show([strategy_entry(name) for name in names], console)
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_what_does_not_run_here_is_marked_and_what_holds_for_all_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strategy_list, "why_not_here", lambda entry: "no power" if entry["name"] == "amp" else None)
    assert _shown("freeze", "amp").count("does not run here: no power") == 1
    monkeypatch.setattr(strategy_list, "why_not_here", lambda _entry: "no power")
    shown = _shown("freeze", "amp")
    assert "does not run here" not in shown
    assert shown.count("Of these none runs here: no power.") == 1


@pytest.mark.parametrize("name", ["checkpoint", "head_then_full:until=0.25"])
def test_a_long_name_has_a_line_of_its_own(name: str) -> None:
    lines = [line for line in _shown(name).splitlines() if line.startswith("  ")]
    is_long = len(name) > strategy_list.NAME
    assert (lines[0] == f"  {name}") is is_long
    assert lines[1].startswith(" " * (2 + strategy_list.NAME))
