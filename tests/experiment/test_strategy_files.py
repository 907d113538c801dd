from __future__ import annotations

import sys
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING

import pytest

from bench.errors import UsageError
from bench.experiment import registry
from bench.experiment.spec import parse_strategy

if TYPE_CHECKING:
    from pathlib import Path

MINE = '''
from __future__ import annotations

from dataclasses import dataclass

from bench.plan import Edit


@dataclass(frozen=True, slots=True)
class Slow:
    """Learn slowly."""

    share: float = 0.25

    def edit(self, view):
        return Edit(lr=self.share)


@dataclass
class Thawed:
    def edit(self, view):
        return Edit()
'''


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand beside a file of strategies."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "mine.py"
    path.write_text(MINE)
    return path


def test_a_class_of_a_file_is_a_strategy_with_options_and_the_same_class_every_time(mine: Path) -> None:
    cls = registry.class_of("./mine.py:Slow")
    assert is_dataclass(cls)
    assert [field.name for field in fields(cls)] == ["share"]
    assert registry.load(parse_strategy("./mine.py:Slow:share=0.5")[0]) == cls(0.5)  # type: ignore[call-arg]
    assert registry.class_of("mine.py:Slow") is cls
    assert registry.class_of(f"{mine}:Slow") is cls
    assert list(mine.parent.iterdir()) == [mine], "nothing is written beside it"


def test_a_file_that_was_edited_is_another_one(mine: Path) -> None:
    cls, digest = registry.class_of("./mine.py:Slow"), registry.code_of(parse_strategy("./mine.py:Slow+full"))
    assert list(digest) == ["./mine.py:Slow"]
    mine.write_text(MINE.replace("0.25", "0.75"))
    assert registry.class_of("./mine.py:Slow") is not cls
    assert registry.code_of(parse_strategy("./mine.py:Slow+full")) != digest


def test_a_path_with_special_characters_is_found(mine: Path) -> None:
    mine.rename(mine.with_name("my, own+1.py"))
    (term,) = parse_strategy("./my%2C own%2B1.py:Slow")
    assert registry.load(term) == registry.class_of("./my%2C%20own%2B1.py:Slow")()


@pytest.mark.parametrize(
    ("name", "source", "words"),
    [
        ("./yours.py:Slow", MINE, "yours.py cannot be read from"),
        ("./mine.py:Slo", MINE, "unknown strategy in mine.py 'Slo'. Did you mean Slow? Known: Slow, Thawed."),
        ("./mine.py:Edit", MINE, "./mine.py:Edit is no strategy"),
        ("./mine.py:Thawed", MINE, "is no strategy: it must be a frozen dataclass with a method edit"),
        ("./mine.py:Slow", "\n1 / 0", "mine.py, line 2, cannot be imported: ZeroDivisionError: division by zero"),
        ("./mine.py:Slow", "def f(:", "mine.py cannot be imported: SyntaxError: invalid syntax (mine.py, line 1)"),
        ("./mine.py:Slow", "import no_such_module", "cannot be imported: ModuleNotFoundError"),
        ("./mine.py:Slow", "import sys; sys.exit(0)", "mine.py, line 1, cannot be imported: SystemExit: 0"),
        ("./mine.py:Slow", "\0", "cannot be imported: SyntaxError: source code string cannot contain null bytes"),
        ("./:Slow", MINE, "cannot be read from"),
    ],
)
def test_what_cannot_be_had_from_a_file_is_one_line(mine: Path, name: str, source: str, words: str) -> None:
    mine.write_text(source)
    before = set(sys.modules)
    with pytest.raises(UsageError) as caught:
        registry.class_of(name)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    left = {module for module in set(sys.modules) - before if module.startswith("bench_strategies_in_")}
    assert not left or source == MINE
