from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import strategies
from bench.errors import Unsupported
from bench.testing import check_strategy, parametrize_with_checks
from bench.testing.names import name_of
from tests.strategies.built_in import ALL, WITH_OPTIONS

if TYPE_CHECKING:
    from bench.plan import Strategy
    from bench.testing.check import Check

FAST = [strategy for name, strategy in ALL.items() if name != "compile"]


@parametrize_with_checks(FAST, models=["llama"])
def test_on_llama(strategy: Strategy, check: Check) -> None:
    check(strategy)


@pytest.mark.parametrize("strategy", FAST, ids=name_of)
def test_on_an_encoder(strategy: Strategy) -> None:
    """Of another build, with norms that have biases; `test_everything` tries all ways on it, and two models more."""
    try:
        check_strategy(strategy, models=["bert"], quick=True)
    except Unsupported as error:
        pytest.skip(str(error))


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.usefixtures("untraced")
@parametrize_with_checks([*ALL.values(), *WITH_OPTIONS])
def test_everything(strategy: Strategy, check: Check) -> None:
    check(strategy)


def test_a_strategy_is_one_short_file() -> None:
    for file in Path(strategies.__path__[0]).glob("[!_]*.py"):
        assert len(file.read_text(encoding="utf-8").splitlines()) <= 40, file.name
