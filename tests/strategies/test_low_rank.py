from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from bench.beside.strategies.apollo import Apollo
from bench.beside.strategies.freeze import Freeze
from bench.beside.strategies.galore import Galore

from bench.measuring.torch_memory import reachable_tensors
from tests.strategies.stepping import stepping
from tests.strategies.tiny import losses_of, prepared

if TYPE_CHECKING:
    from bench.plan import Strategy

EVERY, RANK = 5, 3


@pytest.mark.parametrize(
    ("strategy", "kept"),
    [
        # Two moments of RANK rows of the longer side; of galore the directions too, of apollo a norm.
        (Galore(r=RANK), 4 * (2 * RANK * 20 + 12 * RANK)),
        (Apollo(r=RANK), 4 * (2 * RANK * 20 + 1)),
    ],
)
def test_state_of_a_projected_matrix_is_of_its_rank(strategy: Strategy, kept: int) -> None:
    one = stepping(strategy)
    next(one.steps())
    for name, param in one.params.items():
        found = sum(tensor.nbytes for tensor in reachable_tensors(one.optimizer.state[param]))
        assert found == (kept if name in ("wide", "tall") else 8 * param.numel() + 4), name


@pytest.mark.parametrize("strategy", [Galore(), Apollo()])
def test_layers_that_are_frozen_beside_it_stay_so_and_it_learns(strategy: Strategy) -> None:
    ready = prepared(strategy, Freeze(last=1))
    before = {name: param.detach().clone() for name, param in ready.params.items()}
    losses = losses_of(ready)
    moved = {name for name, param in ready.params.items() if not param.equal(before[name])}
    assert moved == ready.resolved.trained
    assert losses[-1] < losses[0]
