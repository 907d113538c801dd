"""A model with a plan applied: all that the training loop needs, and nothing it must branch on."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import nn

from bench.plan.learning_rates import ADAPTERS
from bench.records.record import LayerRate
from bench.tasks.classification import loss_of
from bench.training.forward.packed import GRAIN

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray
    from torch.optim import Optimizer

    from bench.plan.callables import AfterStep
    from bench.plan.view import Phase
    from bench.records.record import Flag
    from bench.training.forward.batch import Batch
    from bench.training.forward.cached import CachedForward, Stored
    from bench.training.forward.choose import Forward
    from bench.training.precision import Precision
    from bench.workload.data.dataset import Split

__all__ = ["Prepared"]

WARM_UP_SECONDS = 10.0
"""After which a warm-up leaves the sizes that are left, the rarest, to the steps."""


@dataclass(slots=True)
class Prepared:
    """A model with a plan applied: all that the training loop needs, and nothing it must branch on."""

    model: nn.Module
    forward: Forward
    optimizer: Optimizer
    precision: Precision
    device: torch.device
    after_step: tuple[AfterStep, ...]
    trained: tuple[nn.Parameter, ...]
    """Every parameter that trains at some time."""
    phases: tuple[Phase, ...]
    known: Mapping[str, Sequence[nn.Parameter]]
    """The parameters that the model had before any transform, by layer."""
    rates: Mapping[str, float]
    """Peak learning rate by layer; what is absent never trains."""
    cache: CachedForward | None = None
    """The forward pass, where it stores what frozen layers answer."""
    compiles: bool = False
    seen_embeddings: bool = False
    """Whether embeddings of tokens that no training row has go without gradient and optimizer state."""
    flags: tuple[Flag, ...] = ()
    """What a reader must know of how the model runs."""
    num_trainable_params: int = 0
    """The most that trained at once so far."""
    stored: Stored | None = None
    """What the cache holds, once it is filled."""
    compile_seconds: float | None = None
    """What compiling took, the first pass included, once it is done."""

    @property
    def num_params(self) -> int:
        """The parameters of the whole model, shared ones once."""
        return sum(param.numel() for param in self.model.parameters())

    def begin_epoch(self, epoch: int) -> None:
        """Let train what the plan lets train in this 0-based epoch, and put the rest into eval mode."""
        phase = [phase for phase in self.phases if phase.epoch <= epoch][-1]
        for layer, params in self.known.items():
            for param in params:
                param.requires_grad_(layer in phase.layers)
        trainable = sum(param.numel() for param in self.model.parameters() if param.requires_grad)
        self.num_trainable_params = max(self.num_trainable_params, trainable)
        self.training_mode()

    def training_mode(self) -> None:
        """Turn dropout on where something trains, and off in what is frozen."""
        self.model.train()
        for module in self.model.modules():
            params = list(module.parameters())
            if params and not any(param.requires_grad for param in params):
                module.eval()
        _follow_embeddings(self.model)

    def set_up(self, split: Split, rows: NDArray[np.int64], batches: Iterable[NDArray[np.int64]]) -> float:
        """Do what the strategy needs before its first step: fill the cache with `rows`, compile for all `batches`.

        The time this takes belongs to training. So do the seconds returned: what an earlier run
        has spent on a cache that this one shares.
        """
        owed = 0.0
        if self.cache is not None:
            self.model.eval()
            self.stored = self.cache.fill(split, rows, self.device)
            self.training_mode()
            owed = self.stored.seconds if self.stored.is_shared else 0.0
        if self.compiles:
            self.compile_seconds = self._compile(split, batches)
        return owed

    def _compile(self, split: Split, batches: Iterable[NDArray[np.int64]]) -> float:
        """Run the first batch of each number of rows forward and backward, which compiles; give the seconds that takes.

        Code for many rows does not do for the few that an epoch may end with, and no step should compile.
        """
        first: dict[int, NDArray[np.int64]] = {}
        for rows in batches:
            first.setdefault(len(rows), rows)
        began = time.perf_counter()
        for rows in first.values():
            self._pass(split, rows)
        return time.perf_counter() - began

    def warm_up(self, split: Split, batches: Iterable[NDArray[np.int64]]) -> None:
        """Let a GPU load its kernels, which it chooses by size: run the commonest sizes of these batches, without a step.

        That takes as long as many steps, but once in a process, however long one trains.
        """
        alike: dict[tuple[int, int], list[NDArray[np.int64]]] = {}
        for rows in batches:
            size = len(rows), -(-int(split.lengths[rows].sum()) // GRAIN)
            alike.setdefault(size, []).append(rows)
        began = time.perf_counter()
        for some in sorted(alike.values(), key=len, reverse=True):
            if time.perf_counter() - began > WARM_UP_SECONDS:
                break
            with torch.compiler.set_stance("force_eager"):  # to compile is the strategy's own, and billed
                self._pass(split, some[0])

    def _pass(self, split: Split, rows: NDArray[np.int64]) -> None:
        """Run forward and backward, and forget the gradients and the random numbers drawn."""
        self.training_mode()  # compiled code is for one mode: in any other, the first step would compile again
        with torch.random.fork_rng(devices=range(torch.cuda.device_count() if self.device.type == "cuda" else 0)):
            batch = self.batch(split, rows)
            with self.precision.forward():
                loss = loss_of(self.logits(batch), batch.targets)
            loss.backward()
        self.optimizer.zero_grad(set_to_none=True)

    def batch(self, split: Split, rows: NDArray[np.int64] | Sequence[int]) -> Batch:
        """Put rows of a split together, on the device."""
        return self.forward.batch(split, rows).to(self.device)

    def logits(self, batch: Batch) -> torch.Tensor:
        """Run the model: (rows, labels)."""
        return self.forward.logits(batch)

    def layer_rates(self) -> tuple[LayerRate, ...]:
        """List every layer in forward order with its peak rate and what of it trains now."""
        known = {id(param) for params in self.known.values() for param in params}
        introduced = [param for param in self.model.parameters() if id(param) not in known]
        layers = dict(self.known) | ({ADAPTERS: introduced} if introduced else {})
        return tuple(
            LayerRate(
                layer=name,
                lr=self.rates.get(name),
                num_params=sum(param.numel() for param in params),
                num_trainable_params=sum(param.numel() for param in params if param.requires_grad),
            )
            for name, params in layers.items()
        )


def _follow_embeddings(model: nn.Module) -> None:
    """Put a dropout that stands beside the layers (GPT-2's) into the mode of what feeds it."""
    for module in model.modules():
        children = list(module.children())
        if not any(isinstance(child, nn.ModuleList) for child in children):
            continue
        mode = next((child.training for child in children if any(True for _ in child.parameters())), True)
        for child in children:
            if not any(True for _ in child.parameters()):
                child.train(mode)
