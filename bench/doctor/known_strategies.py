"""Strategies of known cost, and the entry point of runs that use them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from bench import worker
from bench.experiment import registry
from bench.plan import Edit, TransformStage

if TYPE_CHECKING:
    from torch import nn

    from bench.plan.view import ModelView
    from bench.worker import Connection

__all__ = ["Hoarding", "Paced", "Twin", "main"]


@dataclass(frozen=True, slots=True)
class Paced:
    """Every step takes `seconds` from the start of its forward pass, by sleeping at its end."""

    seconds: float = 0.15

    def edit(self, view: ModelView) -> Edit:  # noqa: ARG002  (any model can sleep)
        """Note the time before the model runs, and wait after the step."""
        return Edit(transforms=(_Watch(),), after_step=(_Wait(self.seconds),))


@dataclass(frozen=True, slots=True)
class Hoarding:
    """The first forward pass of training allocates `train` MiB; evaluation frees them, and briefly allocates `evaluate` MiB."""

    train: int = 512
    evaluate: int = 768

    def edit(self, view: ModelView) -> Edit:  # noqa: ARG002  (any model can waste memory)
        """Allocate the memory before the model runs."""
        return Edit(transforms=(_Hoard(self.train, self.evaluate),))


@dataclass(frozen=True, slots=True)
class Twin:
    """Changes nothing: two of them are equal, whatever their `number`."""

    number: int = 0

    def edit(self, view: ModelView) -> Edit:  # noqa: ARG002
        """Set no field."""
        return Edit()


@dataclass(frozen=True, slots=True)
class _Watch:
    stage: TransformStage = TransformStage.PACE

    def __call__(self, model: nn.Module, /) -> nn.Module:
        def note(module: Any, _args: object) -> None:
            module.began = time.perf_counter()

        model.register_forward_pre_hook(note)
        return model


@dataclass(frozen=True, slots=True)
class _Wait:
    seconds: float

    def __call__(self, model: Any, step: int, /) -> None:
        left = model.began + self.seconds - time.perf_counter()
        if left <= 0:
            msg = f"step {step} took longer than the {self.seconds} s that it was to take: the machine is too busy"
            raise RuntimeError(msg)
        time.sleep(left)


@dataclass(frozen=True, slots=True)
class _Hoard:
    train: int
    evaluate: int
    stage: TransformStage = TransformStage.HOARD

    def __call__(self, model: nn.Module, /) -> nn.Module:
        kept: list[torch.Tensor] = []

        def allocate(module: nn.Module, mebibytes: int) -> torch.Tensor:
            return torch.ones(mebibytes << 20, dtype=torch.uint8, device=next(module.parameters()).device)

        def take(module: nn.Module, _args: object) -> None:
            # Freed between passes, parts would go to other tensors, and a GPU's allocator would have to reserve more.
            if torch.is_grad_enabled() and not kept:
                kept.append(allocate(module, self.train))
            elif kept and not torch.is_grad_enabled():  # not in passes before training
                kept.clear()
                allocate(module, self.evaluate)

        model.register_forward_pre_hook(take)
        return model


def main(connection: Connection, request_json: str) -> None:
    """Carry out a request as `bench.worker` does, with the doctor's strategies beside the others."""
    for cls in (Paced, Hoarding, Twin):
        registry.offer(cls.__name__.lower(), cls)
    worker.main(connection, request_json)
