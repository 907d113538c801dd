from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING, Literal

import pytest
from bench.beside.strategies.amp import Amp
from bench.beside.strategies.freeze import Freeze

from bench.errors import UnknownName, UsageError
from bench.experiment import registry
from bench.experiment.spec import parse_strategy
from bench.plan import Edit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bench.plan import ModelView, Strategy


@dataclass(frozen=True)
class Many:
    count: int = 1
    rate: float | None = None
    name: str = "a"
    on: bool = False
    choice: Literal[1, 2] = 1

    def edit(self, _view: ModelView) -> Edit:
        return Edit()


@dataclass(frozen=True)
class Needy:
    count: int

    def edit(self, _view: ModelView) -> Edit:
        return Edit()


def load(text: str) -> Strategy:
    return registry.load(parse_strategy(text)[0])


@pytest.fixture
def plugins(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """Entry points by name, as an installed package would register them."""
    points: dict[str, str] = {}
    monkeypatch.setattr(
        registry,
        "entry_points",
        lambda group: [EntryPoint(name, value, group) for name, value in points.items()],
    )
    sys.modules["plugin_of_this_test"] = sys.modules[__name__]
    yield points
    del sys.modules["plugin_of_this_test"]


def test_every_file_is_a_strategy() -> None:
    built_in = (
        "amp",
        "cached",
        "checkpoint",
        "compile",
        "discriminative",
        "freeze",
        "frozen",
        "full",
        "llrd",
        "seen_embeddings",
    )
    assert registry.names() == built_in
    for name in registry.names():
        cls = registry.class_of(name)
        assert cls.__name__.lower() == name.replace("_", "")
        assert cls.__doc__


def test_options_become_fields() -> None:
    assert load("freeze:last=2") == Freeze(last=2)
    assert load("amp:dtype=fp16") == Amp(dtype="fp16")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("freez", "unknown strategy 'freez'. Did you mean freeze? Known: amp"),
        ("freeze:lst=2", "unknown option of freeze 'lst'. Did you mean last?"),
        ("full:x=1", "There is no option of full"),
        ("freeze:last=two", "freeze:last=two cannot be read: int expected"),
        ("amp:dtype=bf17", "unknown value of amp:dtype 'bf17'. Did you mean bf16?"),
        ("discriminative:body=low", "float expected"),
        ("discriminative:body=inf:head=nan", "discriminative:body=inf cannot be read: finite float expected"),
    ],
)
def test_a_wrong_term_names_the_nearest(text: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        registry.check(parse_strategy(text))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_installed_plugin_is_found_and_its_options_are_read(plugins: dict[str, str]) -> None:
    plugins["many"] = "plugin_of_this_test:Many"
    assert registry.names()[-1] == "many"
    assert load("many:count=3:rate=1e-3:name=b:on=yes:choice=2") == Many(3, 1e-3, "b", on=True, choice=2)
    with pytest.raises(UsageError, match="bool expected"):
        load("many:on=perhaps")
    with pytest.raises(UnknownName, match="'3'"):
        load("many:choice=3")


def test_a_broken_plugin_only_disables_itself(plugins: dict[str, str]) -> None:
    plugins["gone"] = "no_such_module:Gone"
    plugins["wrong"] = "plugin_of_this_test:load"
    assert load("freeze") == Freeze()
    with pytest.raises(UsageError, match="cannot be imported from no_such_module:Gone: ModuleNotFoundError"):
        load("gone")
    with pytest.raises(UsageError, match="registers as 'wrong', is no strategy"):
        load("wrong")


def test_a_file_that_defines_no_strategy_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = importlib.import_module("bench.beside.strategies")
    (tmp_path / "empty_for_test.py").write_text("VALUE = 1\n")
    (tmp_path / "_hidden.py").write_text("raise RuntimeError\n")
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    assert "empty_for_test" in registry.names()
    assert "_hidden" not in registry.names()
    with pytest.raises(UsageError, match="must define one strategy"):
        load("empty_for_test")


def test_an_offered_strategy_is_known_to_this_process_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_offered", {})
    registry.offer("mine", registry.class_of("full"))
    assert registry.class_of("mine") is registry.class_of("full")
    assert "mine" not in registry.names()


def test_a_strategy_that_cannot_be_made_or_imported_is_one_line(plugins: dict[str, str], tmp_path: Path) -> None:
    plugins["many"] = "plugin_of_this_test:Needy"
    with pytest.raises(UsageError, match=r"strategy many cannot be made: .*missing 1 required positional argument"):
        load("many")
    package = importlib.import_module("bench.beside.strategies")
    (tmp_path / "mine.py").write_text("def edit(:")
    package.__path__.append(str(tmp_path))
    try:
        with pytest.raises(UsageError, match=r"strategies/mine\.py cannot be imported: SyntaxError"):
            load("mine")
    finally:
        package.__path__.remove(str(tmp_path))
