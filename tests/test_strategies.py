from __future__ import annotations

from pathlib import Path

import pytest
import torch

import strategies
from bench.experiment import registry
from bench.experiment.spec import parse_strategy
from bench.testing import check_strategy

WITH_OPTIONS = ["freeze:last=2", "amp:dtype=bf16", "discriminative:body=1e-3:head=5e-3", "llrd:decay=0.5"]


@pytest.mark.timeout(900)  # one of them compiles, which takes a minute on busy cores
@pytest.mark.usefixtures("untraced")
@pytest.mark.parametrize("text", [*registry.names(), *WITH_OPTIONS])
def test_built_in_strategies_keep_the_contract(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})
    check_strategy(registry.load(parse_strategy(text)[0]))


def test_a_strategy_is_one_short_file() -> None:
    for file in Path(strategies.__path__[0]).glob("[!_]*.py"):
        assert len(file.read_text(encoding="utf-8").splitlines()) < 40, file.name
