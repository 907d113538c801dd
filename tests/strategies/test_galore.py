from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from bench.beside.strategies.galore import Galore

from tests.strategies.stepping import SHAPES, AdamByHand, moved_alike, stepping

if TYPE_CHECKING:
    from collections.abc import Callable


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
