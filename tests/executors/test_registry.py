from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bench.errors import UnknownName, UsageError
from bench.executors import Runner, registry
from bench.executors.registry import GROUP, Options, check, make

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def theirs(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Register an executor of a third party under the name "cloud"."""

    def register(value: str) -> None:
        points = [EntryPoint("cloud", value, GROUP), EntryPoint("local", "no_such:thing", GROUP)]
        monkeypatch.setattr(registry, "entry_points", lambda group: points if group == GROUP else [])

    return register


def options() -> Options:
    return Options(directory=Path("out"), say=print, concurrent=3)


def test_an_executor_that_is_not_there_is_told_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match=r"unknown executor 'slrum'. Did you mean slurm\? Known: local, ray, slurm"):
        check("slrum", {})


@pytest.mark.parametrize(("name", "package"), [("ray", "ray"), ("slurm", "submitit")])
def test_what_is_to_be_installed_is_told_in_a_line(monkeypatch: pytest.MonkeyPatch, name: str, package: str) -> None:
    monkeypatch.setattr(registry, "find_spec", lambda asked: None if asked == package else object())
    with pytest.raises(UsageError) as caught:
        check(name, {})
    assert str(caught.value) == (
        f"--executor {name} needs {package}, which is not installed: pip install 'finetune-bench[{name}]'"
    )


def test_an_option_of_another_executor_is_refused() -> None:
    check("local", {"partition": None, "array": False})
    with pytest.raises(UsageError, match="--partition is for --executor slurm, not for local"):
        check("local", {"partition": "gpu"})
    with pytest.raises(UsageError, match="--address is for --executor ray or slurm, not for local"):
        check("local", {"address": "auto"})


def test_a_third_party_registers_one_and_cannot_take_the_place_of_ours(theirs: Callable[[str], None]) -> None:
    theirs("builtins:id")
    check("cloud", {"address": "theirs to read"})
    given = options()
    assert make("cloud", given) == id(given)
    assert isinstance(make("local", options()), Runner)


def test_one_that_is_broken_says_where_it_comes_from(theirs: Callable[[str], None]) -> None:
    theirs("no_such_module:Cloud")
    with pytest.raises(
        UsageError, match="executor 'cloud' cannot be imported from no_such_module:Cloud: ModuleNotFound"
    ):
        make("cloud", options())
