from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from bench.errors import UsageError
from bench.experiment import registry
from bench.experiment.settings import Settings
from bench.plan import Edit

if TYPE_CHECKING:
    from pathlib import Path

    from bench.plan import ModelView

TOML = """
strategies = "ranked:ranks=mine"
reference = "ranked:ranks=mine"

[options.mine]
q_proj = 8
"layers.0.*" = 4

[options.bf16]
a = "b,c"
"""

FILE = """
from dataclasses import dataclass
from bench.plan import Edit

@dataclass(frozen=True)
class Ranked:
    ranks: tuple[tuple[str, int], ...] = ()

    def edit(self, view):
        return Edit()
"""


@dataclass(frozen=True)
class Ranked:
    ranks: tuple[tuple[str, int], ...] = ()
    mode: str = "a"

    def edit(self, _view: ModelView) -> Edit:
        return Edit()


@dataclass(frozen=True)
class Open:
    others: tuple[tuple[str, str], ...] = field(default=(), metadata={"rest": True})

    def edit(self, _view: ModelView) -> Edit:
        return Edit()


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(registry, "_offered", {"ranked": Ranked, "open": Open})
    path = tmp_path / "bench.toml"
    path.write_text(TOML)
    return path


def strategies(config: Path, text: str) -> str:
    return Settings.gather({"strategies": text}, config=config).strategies


def test_a_table_stands_where_its_name_was(config: Path) -> None:
    settings = Settings.gather({}, config=config)
    assert settings.strategies == settings.reference == "ranked:ranks=q_proj=8/layers.0.*=4"


def test_what_is_written_out_or_is_no_mapping_stays(config: Path) -> None:
    inline = "ranked:ranks=mine=1,amp:dtype=bf16+ranked:mode=mine"
    assert strategies(config, inline) == inline
    assert strategies(config, "of-a-side:x=mine,full:unknown=mine") == "of-a-side:x=mine,full:unknown=mine"


def test_an_option_that_is_not_declared_may_be_a_table_or_a_word(config: Path) -> None:
    assert strategies(config, "open:init=mine:type=lora:x=bf16") == (
        "open:init=q_proj=8/layers.0.*=4:type=lora:x=a=b%2Cc"
    )


def test_a_table_of_a_strategy_in_a_file_is_found(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(config.parent)
    (config.parent / "mine.py").write_text(FILE)
    assert strategies(config, "./mine.py:Ranked:ranks=mine") == "./mine.py:Ranked:ranks=q_proj=8/layers.0.*=4"


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        ("[options.mine]\na = 1", "unknown table [options.NAME] in {path} 'min'. Did you mean mine? Known: mine."),
        ("options = 3", "options in {path}: it holds tables that strategies name: [options.NAME]"),
        ("[options]\nmine = 3", "options.mine in {path}: write it as a table: [options.mine]"),
        ("[options.mine]\na = [1]", "options.mine.a in {path} is [1]; give a number or a word"),
        ("[options.mine]\na.0.q = 1", 'a name with dots stands in quotes: "a.0" = ...'),
    ],
)
def test_a_wrong_table_is_one_line(config: Path, tables: str, words: str) -> None:
    config.write_text(tables)
    with pytest.raises(UsageError) as caught:
        strategies(config, "ranked:ranks=min")
    assert words.format(path=config) in str(caught.value)
