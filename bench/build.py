"""The only place that changes a model: a plan applied to it gives what the trainer runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import nn

from bench.errors import UsageError
from bench.precision import Precision, resolve_dtype
from bench.rates import ADAPTERS, resolve
from bench.record import LayerRate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch.optim import Optimizer
    from transformers import PreTrainedModel

    from bench.plan import AfterStep, ModelView, Phase, TrainPlan
    from bench.rates import Rates
    from bench.workload.batches import Batch

__all__ = ["Prepared", "prepare"]


@dataclass(slots=True)
class Prepared:
    """A model with a plan applied: all that the training loop needs, and nothing it must branch on."""

    model: nn.Module
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
    num_trainable_params: int = 0
    """The most that trained at once so far."""

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

    def logits(self, batch: Batch) -> torch.Tensor:
        """Run the model: (rows, labels)."""
        output = self.model(input_ids=batch.input_ids, attention_mask=batch.attention_mask)
        logits: torch.Tensor = output.logits
        return logits

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


def prepare(
    model: PreTrainedModel,
    view: ModelView,
    plan: TrainPlan,
    *,
    rates: Rates,
    device: torch.device,
    weight_decay: float,
) -> Prepared:
    """Apply a plan to a model, in place.

    Parameters are known by identity, so that a transform may rename them: those that the
    model had before the transforms obey the plan's phases, those that a transform introduced
    keep the `requires_grad` that it gave them.

    Raises:
        UsageError: nothing would train.
        Unsupported: the device cannot do what the plan asks for.

    """
    precision = Precision(resolve_dtype(plan.precision, device), device)
    by_name = dict(model.named_parameters())
    known = {layer.name: [by_name[name] for name in layer.param_names] for layer in view.layers}
    layer_of = {id(param): layer for layer, params in known.items() for param in params}
    transformed: nn.Module = model
    for transform in plan.transforms:
        transformed = transform(transformed)
    if plan.weights == "bf16":
        transformed.to(torch.bfloat16)
    transformed.to(device)
    resolved = resolve(plan, view, rates)
    rate_of = {
        param: resolved[layer_of.get(id(param), ADAPTERS)]
        for param in transformed.parameters()
        if (layer_of[id(param)] in resolved if id(param) in layer_of else param.requires_grad)
    }
    if not rate_of:
        msg = "the plan trains nothing: no layer and no adapter is left that may change"
        raise UsageError(msg)
    groups = _groups(rate_of, weight_decay)
    prepared = Prepared(
        model=transformed,
        optimizer=(plan.optimizer or _adamw)(groups),
        precision=precision,
        device=device,
        after_step=plan.after_step,
        trained=tuple(rate_of),
        phases=plan.phases,
        known=known,
        rates=resolved,
    )
    prepared.begin_epoch(0)
    return prepared


def _groups(rate_of: Mapping[nn.Parameter, float], weight_decay: float) -> list[dict[str, object]]:
    """One group per rate and decay; norms and biases, the parameters of one dimension, never decay."""
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for param, rate in rate_of.items():
        groups.setdefault((rate, weight_decay if param.ndim > 1 else 0.0), []).append(param)
    return [{"params": params, "lr": rate, "weight_decay": decay} for (rate, decay), params in groups.items()]


def _adamw(groups: Sequence[Mapping[str, object]]) -> Optimizer:
    return torch.optim.AdamW([dict(group) for group in groups], fused=True)


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
