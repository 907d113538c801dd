from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass, field
from importlib import resources
from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import pytest
from bench.beside.strategies.amp import Amp
from bench.beside.strategies.freeze import Freeze
from hypothesis import given
from hypothesis import strategies as st

from bench.errors import PlanConflict, UnknownName, Unsupported, UsageError
from bench.experiment import registry
from bench.experiment.spec import Term, parse_strategy
from bench.plan import Edit
from bench.plan.compose import compose
from bench.plan.view import stand_in

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
class Rich:
    names: tuple[str, ...] = ("a",)
    numbers: tuple[int, ...] | None = (1,)
    ranks: tuple[tuple[str, int], ...] = ()
    made: tuple[float, ...] = field(default_factory=lambda: (0.5,))
    others: tuple[tuple[str, str], ...] = field(default=(), metadata={"rest": True})

    def edit(self, _view: ModelView) -> Edit:
        return Edit()


@dataclass(frozen=True)
class Own:
    lr: float = 1e-3

    def edit(self, _view: ModelView) -> Edit:
        return Edit(lr=self.lr)


@dataclass(frozen=True)
class Untyped:
    path: Path | None = None

    def edit(self, _view: ModelView) -> Edit:
        return Edit()


@dataclass(frozen=True)
class Lacking:
    needs: ClassVar[tuple[str, ...]] = ("bitsandbytes_of_nobody", "sys")

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
    names = [entry.name for entry in resources.files("strategies").iterdir()]
    files = sorted(name.removesuffix(".py") for name in names if name.endswith(".py") and not name.startswith("_"))
    assert list(registry.names()) == files
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
        ("freez", "unknown strategy 'freez'. Did you mean freeze? Known: acc"),
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


rich = st.builds(
    Rich,
    names=st.lists(st.text(st.characters(), max_size=4), max_size=3).map(tuple),
    numbers=st.none() | st.lists(st.integers(), max_size=3).map(tuple),
    ranks=st.dictionaries(st.text(max_size=4), st.integers(), max_size=3).map(lambda ranks: tuple(ranks.items())),
    made=st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=3).map(tuple),
    others=st.dictionaries(st.sampled_from(["r", "alpha", "z.y"]), st.sampled_from(["8", "q/v", "a=1"])).map(
        lambda others: tuple(sorted(others.items()))
    ),
)


@given(rich)
def test_any_options_are_written_as_text_that_gives_the_same_options(strategy: Rich) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(registry, "_offered", {"rich": Rich})
        term = registry.term_of("rich", strategy)
        assert parse_strategy(str(term)) == (term,)
        assert registry.load(term) == strategy


def test_options_at_their_default_are_not_written() -> None:
    assert registry.term_of("rich", Rich()) == Term(name="rich")
    assert str(registry.term_of("freeze", Freeze(last=2))) == "freeze:last=2"


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    known: dict[str, Any] = {}
    monkeypatch.setattr(registry, "_offered", known)
    return known


def test_options_that_are_no_field_go_to_the_field_that_takes_the_rest(offered: dict[str, Any]) -> None:
    offered["rich"] = Rich
    assert load("rich:numbers=1/2:r=8:alpha=a%2Cb") == Rich(numbers=(1, 2), others=(("alpha", "a%2Cb"), ("r", "8")))
    assert registry.rest_of(Rich) == "others"
    assert "others" not in registry.options_of(Rich)
    with pytest.raises(UsageError, match="rich:numbers=a cannot be read"):
        load("rich:numbers=a")


def test_the_base_rate_of_a_composition_is_one_more_edit() -> None:
    strategies = registry.strategies_of(parse_strategy("freeze:last=1+amp:lr=1e-3"))
    assert strategies == (Freeze(last=1), registry.BaseRate(1e-3), Amp())
    assert compose(strategies, stand_in(4)).lr == 1e-3
    with pytest.raises(PlanConflict, match=r"discriminative:body=1e-05 and lr=0.001 do not compose: both set lr"):
        compose(registry.strategies_of(parse_strategy("discriminative:body=1e-5:lr=1e-3")), stand_in(4))


@pytest.mark.parametrize("text", ["freeze:lr=0", "freeze:lr=-1", "freeze:lr=fast", "freeze:lr=inf"])
def test_a_base_rate_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=text):
        registry.strategies_of(parse_strategy(text))


def test_a_strategy_with_an_option_of_the_reserved_name_is_refused(plugins: dict[str, str]) -> None:
    plugins["own"] = "plugin_of_this_test:Own"
    with pytest.raises(UsageError, match="has an option lr, which every composition has already"):
        load("own")


def test_types_of_options_that_are_not_there_are_one_line(plugins: dict[str, str]) -> None:
    plugins["untyped"] = "plugin_of_this_test:Untyped"
    with pytest.raises(UsageError, match=r"name 'Path' is not defined; import them outside of TYPE_CHECKING"):
        load("untyped")


def test_a_strategy_without_its_packages_is_made_but_not_composed(offered: dict[str, Any]) -> None:
    offered["lacking"] = Lacking
    assert registry.missing(Lacking) == "needs bitsandbytes_of_nobody: pip install bitsandbytes_of_nobody"
    assert registry.missing(Freeze) is None
    assert load("lacking") == Lacking()
    with pytest.raises(Unsupported, match="needs bitsandbytes_of_nobody"):
        registry.strategies_of(parse_strategy("freeze+lacking"))


def test_a_package_of_an_extra_is_installed_by_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.experiment.options.find_spec", lambda _: None)
    monkeypatch.setattr(Lacking, "needs", ("bitsandbytes", "other", "torchao"))
    said = "needs bitsandbytes and other and torchao: pip install 'finetune-bench[bnb,torchao]' other"
    assert registry.missing(Lacking) == said


def test_a_third_partys_code_does_not_run_for_a_check_of_names(plugins: dict[str, str]) -> None:
    plugins["gone"] = "no_such_module:Gone"
    registry.check(parse_strategy("gone:whatever=1+./mine.py:Topmost"))
    with pytest.raises(UnknownName, match="Did you mean gone"):
        registry.check(parse_strategy("gon"))
    assert [registry.is_ours(name) for name in ("full", "gone", "./mine.py:Topmost")] == [True, False, False]
    assert registry.origin("gone") == "gone (no_such_module:Gone)"
