from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
import torch
from bench.beside.strategies._low_rank import random_projection
from bench.beside.strategies.apollo import Apollo

from tests.strategies.stepping import SHAPES, AdamByHand, Stepping, moved_alike, stepping

if TYPE_CHECKING:
    from collections.abc import Callable


EVERY, RANK = 5, 3


def by_apollo(one: Stepping, name: str, scale: float | None, *, whole: bool) -> Callable[[torch.Tensor], Any]:
    """Algorithm 1 of Zhu et al., with the projection that was drawn, and the limit on growth."""
    adam, norms, seeds = AdamByHand(1e-6), [], []

    def direction(grad: torch.Tensor) -> Any:
        is_tall = grad.shape[0] > grad.shape[1]
        wide = grad.T if is_tall else grad
        seed = one.optimizer.state[one.params[name]]["seed"]
        assert (seeds[-1:] == [seed]) == (len(seeds) % EVERY != 0), "drawn anew in steps 0 and 5 alone"
        seeds.append(seed)
        low = random_projection(seed, RANK, wide).double() @ wide.double()
        by_adam = adam(low)
        if whole:
            factor = math.sqrt((by_adam**2).sum() / (low**2).sum())
        else:
            factor = ((by_adam**2).sum(0) / (low**2).sum(0)) ** 0.5
        update = wide.double() * factor
        norm = float((update**2).sum() ** 0.5)
        if norms and norm > 1.01 * norms[-1]:
            update *= 1.01 * norms[-1] / norm
            norm = 1.01 * norms[-1]
        norms.append(norm)
        update *= math.sqrt(len(wide) / RANK) if scale is None else scale
        return update.T if is_tall else update

    return direction


@pytest.mark.parametrize(("scale", "per"), [(None, "channel"), (2.0, "channel"), (11.3, "tensor")])
def test_apollo_steps_as_in_its_paper(scale: float | None, per: Any) -> None:
    one = stepping(Apollo(r=RANK, every=EVERY, scale=scale, per=per))
    rest = {name: AdamByHand(1e-8) for name in SHAPES}
    projected = {name: by_apollo(one, name, scale, whole=per == "tensor") for name in ("wide", "tall")}
    moved_alike(one, {**rest, **projected})


def test_a_random_projection_keeps_norms_on_average_and_is_that_of_its_seed() -> None:
    rows = torch.ones(4000, 1)
    drawn = random_projection(7, 50, rows)
    assert torch.equal(drawn, random_projection(7, 50, rows))
    assert not torch.equal(drawn, random_projection(8, 50, rows))
    assert float(drawn.mean()) == pytest.approx(0, abs=4 / math.sqrt(50 * drawn.numel()))
    assert float(drawn.square().mean()) * 50 == pytest.approx(1, abs=4 * math.sqrt(2 / drawn.numel()))
