from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from bench.beside.strategies.adamw8bit import Adamw8bit

from bench.experiment import registry
from tests.strategies.stepping import NUM_STEPS, RATE, VIEW, stepping

if TYPE_CHECKING:
    from bench.plan import Strategy

pytest.importorskip("bitsandbytes")

SHAPES = {
    "large": ((128, 512), VIEW.names[1], "weight"),
    "small": ((60, 60), VIEW.names[1], "weight"),
    "norm": ((12,), VIEW.names[1], "norm"),
}


@pytest.mark.parametrize(
    ("strategy", "needs"),
    [(Adamw8bit(), "bitsandbytes"), (Adamw8bit(by="torchao"), "torchao")],
)
def test_what_it_needs_follows_its_options(strategy: Strategy, needs: str) -> None:
    assert registry.needs_of(strategy) == (needs,)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.usefixtures("untraced")
def test_compiled_it_moves_as_it_does_uncompiled(monkeypatch: pytest.MonkeyPatch) -> None:
    ways = []
    for least in (1, 10**9):
        monkeypatch.setattr("bench.beside.strategies._few_bits.COMPILING_PAYS", least)
        one = stepping(Adamw8bit(by="torchao"), shapes={"large": SHAPES["large"]})
        assert sum(1 for _ in one.steps()) == NUM_STEPS
        ways.append(one.params["large"].detach())
    assert ways[0].allclose(ways[1], rtol=1e-3, atol=RATE * 0.02)
