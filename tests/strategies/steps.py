"""Eight steps of an optimizer on given gradients, beside the same steps written from its paper, in float64."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from bench.measuring.torch_memory import split_peak
from bench.plan.compose import compose
from bench.plan.describe import changes
from bench.records.readings import Memory
from bench.testing.models import view_on
from tests.strategies.tiny import losses_of, prepared

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch.optim import Optimizer

    from bench.plan import Strategy
    from bench.training.prepared import Prepared

    Rule = Callable[[torch.Tensor, Sequence[torch.Tensor], float], torch.Tensor]

RATES = (0.0, 5e-3, 1e-2, 9e-3, 7e-3, 5e-3, 3e-3, 1e-3)
"""Of each step: up, and down again, from nothing, as in a run."""
DECAY = 0.3
SHAPES = {"tall": (6, 4), "wide": (3, 8), "vector": (5,)}
FP32 = 4
"""Bytes."""


def begun() -> dict[str, torch.Tensor]:
    """The parameters as they are before any step."""
    drawn = torch.Generator().manual_seed(1)
    return {name: torch.randn(shape, generator=drawn) for name, shape in SHAPES.items()}


def gradients() -> Iterator[dict[str, torch.Tensor]]:
    """Of each step: a common part, so that momentum shows, and growing sizes, so that decays of moments do."""
    drawn = torch.Generator().manual_seed(2)
    common = {name: torch.randn(shape, generator=drawn) for name, shape in SHAPES.items()}
    for step in range(len(RATES)):
        noise = {name: torch.randn(shape, generator=drawn) for name, shape in SHAPES.items()}
        yield {name: (0.3 + step) * (common[name] + noise[name]) for name in SHAPES}


def make(strategy: Strategy, params: dict[str, torch.nn.Parameter], layer: str) -> Optimizer:
    """Build the optimizer of a strategy; as in the engine, vectors do not decay."""
    factory = compose([strategy], view_on("llama")).optimizer
    assert factory
    groups = []
    for decays in (True, False):
        chosen = [param for param in params.values() if (param.ndim > 1) == decays]
        layers, kinds = [layer] * len(chosen), ["weight" if decays else "bias"] * len(chosen)
        decay = DECAY if decays else 0.0
        groups.append({"params": chosen, "lr": 1.0, "weight_decay": decay, "layers": layers, "kinds": kinds})
    return factory(groups)


def stepped(
    strategy: Strategy, layer: str = "layer 0", scale: float = 1.0
) -> tuple[dict[str, torch.Tensor], Optimizer]:
    """Let a strategy's optimizer take all steps; give the parameters as they are evaluated."""
    params = {name: torch.nn.Parameter(value) for name, value in begun().items()}
    optimizer = make(strategy, params, layer)
    for rate, grads in zip(RATES, gradients(), strict=True):
        for group in optimizer.param_groups:
            group["lr"] = rate
        for name, param in params.items():
            param.grad = scale * grads[name]
        optimizer.step()
    if evaluating := getattr(optimizer, "eval", None):
        evaluating()
    return {name: param.detach() for name, param in params.items()}, optimizer


def assert_steps(
    strategy: Strategy, rule: Rule, *, decay: float = DECAY, layer: str = "layer 0", rtol: float = 1e-5
) -> None:
    """Hold the steps of a strategy to those of a rule: (weights, gradients, decay) -> weights, of one parameter."""
    found, _ = stepped(strategy, layer)
    of_step = [{name: grad.double() for name, grad in one.items()} for one in gradients()]
    for name, start in begun().items():
        expected = rule(start.double(), [one[name] for one in of_step], decay if start.ndim > 1 else 0.0)
        torch.testing.assert_close(found[name].double(), expected, rtol=rtol, atol=1e-6)
        moved = expected - start.double()
        assert float((found[name].double() - expected).norm()) < max(rtol, 1e-5) * 10 * float(moved.norm()), name


def trained(*strategies: Strategy) -> Prepared:
    """Train a tiny Llama for two steps."""
    ready = prepared(*strategies)
    losses_of(ready, num_steps=2)
    return ready


def num_kept(ready: Prepared) -> float:
    """The numbers that the optimizer keeps, by the parts of memory."""
    memory = Memory(host_baseline_bytes=2**30, host_peak_bytes=2**31)
    parts = split_peak(memory, ready.model, ready.trained, ready.optimizer)
    assert parts
    return parts.optimizer_bytes / FP32


def words_of(strategy: Strategy) -> str:
    """What the report says of the optimizer."""
    view = view_on("bert")
    return changes(compose([strategy], view), view)["optimizer"]
