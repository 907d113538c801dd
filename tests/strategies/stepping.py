"""Parameters of every kind for an optimizer on its own, and gradients for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from bench.plan.view import stand_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch.optim import Optimizer

    from bench.plan import Strategy

RATE, DECAY, NUM_STEPS = 0.1, 0.05, 8
VIEW = stand_in(2)
SHAPES: dict[str, tuple[tuple[int, ...], str, str]] = {
    "wide": ((12, 20), VIEW.names[1], "weight"),
    "tall": ((20, 12), VIEW.names[1], "weight"),
    "table": ((30, 12), VIEW.names[0], "embedding"),
    "norm": ((12,), VIEW.names[1], "norm"),
    "head": ((12, 12), VIEW.head, "weight"),
    "adapter": ((12, 12), "adapters", "weight"),
}
"""Shape, layer and kind."""


@dataclass(frozen=True)
class Stepping:
    """An optimizer with its parameters, by name."""

    optimizer: Optimizer
    params: dict[str, torch.nn.Parameter]

    def steps(self) -> Iterator[dict[str, torch.Tensor]]:
        """Take a step with drawn gradients, and give them; whose sizes change, as do those of training."""
        draw = torch.Generator().manual_seed(2)
        for step in range(NUM_STEPS):
            grads = {
                name: torch.randn(param.shape, generator=draw) * (1 + step % 3) for name, param in self.params.items()
            }
            for name, grad in grads.items():
                self.params[name].grad = grad.clone()
            self.optimizer.step()
            yield grads


def stepping(
    strategy: Strategy, *, shapes: dict[str, Any] | None = None, dtype: torch.dtype = torch.float32
) -> Stepping:
    """Have the optimizer of a strategy for new parameters."""
    draw, shapes = torch.Generator().manual_seed(1), shapes or SHAPES
    params = {
        name: torch.nn.Parameter(torch.randn(shape, generator=draw).to(dtype)) for name, (shape, *_) in shapes.items()
    }
    groups = [
        {
            "params": [params[name] for name in names],
            "lr": RATE,
            "weight_decay": decay,
            "layers": [shapes[name][1] for name in names],
            "kinds": [shapes[name][2] for name in names],
        }
        for decay, names in (
            (DECAY, [name for name in shapes if params[name].ndim > 1]),
            (0.0, [name for name in shapes if params[name].ndim == 1]),
        )
        if names
    ]
    factory = strategy.edit(VIEW)["optimizer"]
    assert factory is not None
    return Stepping(factory(groups), params)


class AdamByHand:
    """Adam's direction, from the paper alone, in fp64."""

    def __init__(self, eps: float) -> None:
        self.first = self.second = 0.0
        self.num_steps, self.eps = 0, eps

    def __call__(self, grad: torch.Tensor) -> Any:
        grad = grad.double()
        self.num_steps += 1
        self.first = 0.9 * self.first + 0.1 * grad
        self.second = 0.999 * self.second + 0.001 * grad**2
        mean, spread = self.first / (1 - 0.9**self.num_steps), self.second / (1 - 0.999**self.num_steps)
        return mean / (spread**0.5 + self.eps)


def moved_alike(
    one: Stepping, directions: dict[str, Callable[[torch.Tensor], Any]], *, tolerance: float = 1e-5
) -> None:
    """Hold every parameter, in every step, to `direction(gradient)` of it, beside a decay that is decoupled."""
    start = {name: param.detach().double().clone() for name, param in one.params.items()}
    expected = dict(start)
    for grads in one.steps():
        for name, grad in grads.items():
            decay = DECAY if grad.ndim > 1 else 0.0
            expected[name] = expected[name] * (1 - RATE * decay) - RATE * directions[name](grad)
            distance = (one.params[name].detach().double() - expected[name]).norm()
            assert distance <= tolerance * (expected[name] - start[name]).norm(), name
