"""A model with a plan applied: what was built, and nothing that was measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import nn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    import torch
    from numpy.typing import NDArray
    from torch.optim import Optimizer

    from bench.plan.train_plan import TrainPlan
    from bench.plan.view import Phase
    from bench.training.activation_cache import ActivationCache
    from bench.training.forward.base import Forward
    from bench.training.forward.batch import Batch
    from bench.training.precision import Precision
    from bench.training.resolve import Resolved
    from bench.workload.data.dataset import Split

__all__ = ["Prepared"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A model with a plan applied: all that the training loop needs, and nothing it must branch on."""

    resolved: Resolved
    model: nn.Module
    forward: Forward
    cache: ActivationCache | None
    """Of the frozen layers' output; `forward` starts above it once it is filled."""
    why_padded: str | None
    """Why batches are padded, where they are."""
    optimizer: Optimizer
    precision: Precision
    device: torch.device
    trained: tuple[nn.Parameter, ...]
    """Every parameter that trains at some time."""
    params_by_layer: Mapping[str, Sequence[nn.Parameter]]
    """The parameters that the model had before any transform."""

    @property
    def plan(self) -> TrainPlan:
        """What was applied."""
        return self.resolved.plan

    @property
    def num_params(self) -> int:
        """The parameters of the whole model, shared ones once."""
        return sum(param.numel() for param in self.model.parameters())

    def num_trainable_params(self, num_epochs: int = 1) -> int:
        """The most parameters that train at once in the first `num_epochs`."""
        layer_of = {id(param): layer for layer, params in self.params_by_layer.items() for param in params}

        def trains(param: nn.Parameter, phase: Phase) -> bool:
            layer = layer_of.get(id(param))
            return param.requires_grad if layer is None else layer in phase.layers

        return max(
            sum(param.numel() for param in self.model.parameters() if trains(param, phase))
            for phase in self.plan.phases
            if phase.epoch < num_epochs
        )

    def begin_epoch(self, epoch: int) -> None:
        """Let train what the plan lets train in this 0-based epoch, and put the rest into eval mode."""
        phase = [phase for phase in self.plan.phases if phase.epoch <= epoch][-1]
        for layer, params in self.params_by_layer.items():
            for param in params:
                param.requires_grad_(layer in phase.layers)
        self.training_mode()

    def training_mode(self) -> None:
        """Turn dropout on where something trains, and off in what is frozen."""
        self.model.train()
        for module in self.model.modules():
            params = list(module.parameters())
            if params and not any(param.requires_grad for param in params):
                module.eval()
        _follow_embeddings(self.model)

    def batch(self, split: Split, rows: NDArray[np.int64] | Sequence[int]) -> Batch:
        """Put rows of a split together, on the device."""
        return self.forward.batch(split, rows).to(self.device)

    def logits(self, batch: Batch) -> torch.Tensor:
        """Run the model: (rows, labels)."""
        return self.forward.logits(batch)


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
