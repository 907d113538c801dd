from __future__ import annotations

from typing import TYPE_CHECKING

import psutil

import bench
from bench.api.list_names import LISTS

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

OWN = '''
from dataclasses import dataclass, field

from bench.plan import Edit


@dataclass(frozen=True)
class Mine:
    """Do what mine do."""

    layers: tuple[int, ...] = (1, 2)
    rest: tuple[tuple[str, str], ...] = field(default=(), metadata={"rest": True})

    def edit(self, view):
        return Edit()
'''
BROKEN = {
    "exits": "import sys; sys.exit(0)",
    "hangs": "import time; time.sleep(99)",
    "interrupts": "raise KeyboardInterrupt",
    "leaves": "import os; os._exit(0)",
    "raises": "1 / 0",
}


def test_a_broken_plugin_disables_itself_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sources = {f"a_{name}": source for name, source in BROKEN.items()} | {"working": OWN}
    for name, source in sources.items():
        (tmp_path / f"{name}.py").write_text(source)
    info = tmp_path / "plugins-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plugins\nVersion: 1.0\n")
    points = "".join(f"{name} = {name}:Mine\n" for name in sources)
    (info / "entry_points.txt").write_text(f"[bench.strategies]\n{points}")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr("bench.experiment.trial.LIMIT_SECONDS", 4)

    before = psutil.Process().children(recursive=True)

    listed = {name: (options, said) for name, options, said in LISTS["strategies"]()}

    assert listed["working"] == ("layers=int/... [1/2]", "Do what mine do.")
    assert listed["freeze"][0] == "last=int [0]"
    said = {name: said.replace("cannot be used: ", "", 1) for name, (_, said) in listed.items()}
    assert said["a_exits"] == "strategy 'a_exits' cannot be imported from a_exits:Mine: SystemExit: 0"
    assert said["a_raises"].endswith("cannot be imported from a_raises:Mine: ZeroDivisionError: division by zero")
    assert said["a_hangs"] == "strategy a_hangs (a_hangs:Mine) cannot be used: it gave no answer within 4 s"
    assert said["a_leaves"] == "strategy a_leaves (a_leaves:Mine) cannot be used: its process ended with exit code 0"
    assert "it raised KeyboardInterrupt" in said["a_interrupts"]
    assert psutil.Process().children(recursive=True) == before


def test_every_strategy_is_listed_with_its_options() -> None:
    table = bench.strategies()
    assert {"full", "freeze", "amp"} <= set(table.index)
    assert "last=int" in table.loc["freeze", "options"]
    assert (table["description"] != "").all()
