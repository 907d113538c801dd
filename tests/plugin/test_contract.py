"""What the package of a third party tests its strategies with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.testing import parametrize_with_checks
from tests.plugin.misbehaving_strategies import OwnAdamw, Topmost

if TYPE_CHECKING:
    from bench.plan import Strategy
    from bench.testing.check import Check


@parametrize_with_checks([Topmost(share=0.5), OwnAdamw()], models=["bert"], quick=True)
def test_strategies_that_work_keep_the_contract(strategy: Strategy, check: Check) -> None:
    check(strategy)
