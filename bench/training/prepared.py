"""A model with a plan applied: what was built, and nothing that was measured."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from torch import nn

from bench.measuring.torch_memory import num_values
from bench.tasks.classification import loss_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import numpy as np
    import torch
    from numpy.typing import NDArray
    from torch.optim import Optimizer

    from bench.plan.train_plan import TrainPlan
    from bench.plan.view import Trainable
    from bench.training.activation_cache import ActivationCache
    from bench.training.forward.base import Forward
    from bench.training.forward.batch import Batch
    from bench.training.parallel.base import Parallel
    from bench.training.passes.averaging import AveragedWeights
    from bench.training.passes.noise import EmbeddingNoise
    from bench.training.passes.prompt import Prompt
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
    params: Mapping[str, nn.Parameter]
    """The parameters that the model had before any transform, by the names of the view."""
    is_rewritten: Mapping[nn.Parameter, torch.Tensor | bool]
    """Whether a transform changed the numbers of one of them; empty where there is no transform."""
    prompt: Prompt | None
    """What stands before the text of every row."""
    noise: EmbeddingNoise | None
    """On embeddings, in training."""
    averaged: AveragedWeights | None
    """What is evaluated in place of the last weights."""
    parallel: Parallel
    """The processes that share the run."""

    @property
    def plan(self) -> TrainPlan:
        """What was applied."""
        return self.resolved.plan

    @property
    def rewritten(self) -> tuple[nn.Parameter, ...]:
        """The parameters of before whose numbers a transform changed."""
        return tuple(param for param, changed in self.is_rewritten.items() if changed)

    @property
    def params_by_layer(self) -> dict[str, list[nn.Parameter]]:
        """The parameters that the model had before any transform."""
        return {layer.name: [self.params[name] for name in layer.param_names] for layer in self.resolved.view.layers}

    @property
    def num_params(self) -> int:
        """The parameters of the whole model, shared ones once."""
        return sum(map(num_values, self.model.parameters()))

    def num_trainable_params(self, turns: Iterable[Trainable]) -> int:
        """The most parameters that train at once where these are trained in turn."""
        own = {id(param) for param in self.params.values()}
        added = sum(param.numel() for param in self.model.parameters() if param.requires_grad and id(param) not in own)
        names = {self.resolved.view.params_of(part) for part in turns}
        return added + max(sum(self.params[name].numel() for name in of_one) for of_one in names)

    def let_train(self, part: Trainable) -> None:
        """Let train this part of the model and what transforms have added, and put the rest into eval mode.

        A parameter that stops training gives up the state that the optimizer keeps for it.
        """
        trains = self.resolved.view.params_of(part)
        for name, param in self.params.items():
            if param.requires_grad and name not in trains:
                self.optimizer.state.pop(param, None)
            param.requires_grad_(name in trains)
        self.training_mode()

    def training_mode(self) -> None:
        """Turn dropout on where something trains, and off in what is frozen."""
        self.model.train()
        for module in self.model.modules():
            params = list(module.parameters())
            if params and not any(param.requires_grad for param in params):
                module.eval()
        _follow_embeddings(self.model)
        _tell(self.optimizer, "train")

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """Have what is to be evaluated: no dropout, averaged weights, and an optimizer's own where it keeps such."""
        self.model.eval()
        _tell(self.optimizer, "eval")
        with self.averaged.in_place() if self.averaged else nullcontext():
            yield

    def batch(self, split: Split, rows: NDArray[np.int64] | Sequence[int]) -> Batch:
        """Put rows of a split together, with the prompt if there is one, on the device."""
        if self.prompt:
            split, rows = self.prompt.before(split, rows), range(len(rows))
        return self.forward.batch(split, rows).to(self.device)

    def passes(self, rows: NDArray[np.int64]) -> list[tuple[NDArray[np.int64], float]]:
        """Cut the rows of one optimizer step into those of this rank's forward passes, each with its share of the loss."""
        return self.parallel.passes(rows, self.plan.micro_batch_size)

    def parts(self, rows: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        """The rows alone of these passes."""
        return [part for part, _ in self.passes(rows)]

    def lengths(self, split: Split) -> NDArray[np.int64]:
        """The tokens that the model sees of each row of a split, a prompt included: (rows,)."""
        return split.lengths + self.plan.prompt_tokens

    def logits(self, batch: Batch) -> torch.Tensor:
        """Run the model: (rows, labels)."""
        return self.forward.logits(batch)

    def loss(self, batch: Batch) -> torch.Tensor:
        """Run the model, and return what training minimises: a mean over the rows."""
        with self.noise.on(batch) if self.noise else nullcontext():
            logits = self.logits(batch)
        if (loss := self.plan.loss) is None:
            return loss_of(logits, batch.targets)
        return loss(logits.float(), batch.targets, self.model)


def _tell(optimizer: Optimizer, mode: Literal["train", "eval"]) -> None:
    """Switch an optimizer that trains other weights than it is evaluated by (schedule-free)."""
    if switch := getattr(optimizer, mode, None):
        switch()


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
