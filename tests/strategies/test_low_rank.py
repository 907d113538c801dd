from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
import torch
from bench.beside.strategies._low_rank import random_projection
from bench.beside.strategies.apollo import Apollo
from bench.beside.strategies.freeze import Freeze
from bench.beside.strategies.galore import Galore
from bench.beside.strategies.lora import Lora
from bench.beside.strategies.norm_only import NormOnly

from bench.errors import Unsupported, UsageError
from bench.measuring.torch_memory import reachable_tensors
from tests.strategies.stepping import SHAPES, AdamByHand, Stepping, moved_alike, stepping
from tests.strategies.tiny import losses_of, prepared

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.plan import Strategy

EVERY, RANK = 5, 3


def by_galore(scale: float) -> Callable[[torch.Tensor], Any]:
    """Algorithm 2 of Zhao et al., on the shorter side, with directions of the gradients of steps 0 and 5."""
    adam, seen, found = AdamByHand(1e-6), [0], []

    def direction(grad: torch.Tensor) -> Any:
        if seen[0] % EVERY == 0:
            left, _, right = torch.linalg.svd(grad, full_matrices=False)
            found[:] = [(left[:, :RANK] if grad.shape[0] <= grad.shape[1] else right[:RANK].T).double()]
        seen[0] += 1
        (basis,) = found
        if grad.shape[0] <= grad.shape[1]:
            return scale * basis @ adam(basis.T @ grad.double())
        return scale * adam(grad.double() @ basis) @ basis.T

    return direction


def test_galore_steps_as_in_its_paper() -> None:
    one = stepping(Galore(r=RANK, every=EVERY, scale=2.0))
    rest = {name: AdamByHand(1e-8) for name in SHAPES}
    moved_alike(one, {**rest, "wide": by_galore(2.0), "tall": by_galore(2.0)})


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


@pytest.mark.parametrize("strategy", [Galore(), Apollo()])
@pytest.mark.parametrize("other", [Lora(r=2), NormOnly(), Freeze()])
def test_nothing_to_project_is_refused(strategy: Strategy, other: Strategy) -> None:
    with pytest.raises(Unsupported, match=r"(galore:r=4|apollo:r=16) projects matrices below the head .* none trains"):
        prepared(strategy, other)


@pytest.mark.parametrize(
    ("options", "wrong"), [({"r": 0}, "galore:r=0:every=200"), ({"every": 0}, "galore:r=4:every=0")]
)
def test_ranks_and_turns_that_cannot_be_are_refused(options: dict[str, int], wrong: str) -> None:
    with pytest.raises(UsageError, match=f"{wrong} cannot be"):
        prepared(Galore(**options))
