from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import strategies
from bench.testing import parametrize_with_checks
from tests.strategies.built_in import ALL, WITH_OPTIONS

if TYPE_CHECKING:
    from bench.plan import Strategy
    from bench.testing.check import Check

FAST = [strategy for name, strategy in ALL.items() if name != "compile"]
LLAMA, ENCODER = ("llama",), ("bert",)
"""A decoder with norms without biases, and an encoder with them; `test_everything` goes on to GPT-2 and Qwen2."""


@parametrize_with_checks(FAST, models=LLAMA)
def test_on_llama(strategy: Strategy, check: Check) -> None:
    check(strategy)


@parametrize_with_checks(FAST, models=ENCODER, quick=True)
def test_on_an_encoder(strategy: Strategy, check: Check) -> None:
    check(strategy)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.usefixtures("untraced")
@parametrize_with_checks([*ALL.values(), *WITH_OPTIONS])
def test_everything(strategy: Strategy, check: Check) -> None:
    check(strategy)


def test_a_strategy_is_one_short_file() -> None:
    for file in Path(strategies.__path__[0]).glob("[!_]*.py"):
        assert len(file.read_text(encoding="utf-8").splitlines()) <= 40, file.name
