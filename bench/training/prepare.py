"""The only place that changes a model: a plan applied to it gives what the trainer runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from bench.errors import Unsupported, UsageError
from bench.plan.learning_rates import ADAPTERS, resolve_rates
from bench.records.record import Flag
from bench.training.forward.cached import CachedForward
from bench.training.forward.choose import choose_forward
from bench.training.forward.layers import compile_layers, recompute_layers
from bench.training.forward.packed import PackedForward
from bench.training.precision import Precision, resolve_dtype
from bench.training.prepared import Prepared
from bench.training.savings.onednn_linear import is_by_onednn, multiply_by_onednn
from bench.training.savings.seen_embeddings import split_table
from bench.workload.models.layers import layers_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from torch import nn
    from torch.optim import Optimizer
    from transformers import PreTrainedModel

    from bench.plan.learning_rates import Rates
    from bench.plan.train_plan import TrainPlan
    from bench.plan.view import ModelView
    from bench.training.forward.cached import Shelf
    from bench.training.forward.choose import Forward
    from bench.workload.data.dataset import Split

__all__ = ["prepare"]


def prepare(
    model: PreTrainedModel,
    view: ModelView,
    plan: TrainPlan,
    *,
    split: Split,
    pad_token_id: int,
    rates: Rates,
    device: torch.device,
    weight_decay: float,
    shelf: Shelf | None = None,
) -> Prepared:
    """Apply a plan to a model, in place.

    Args:
        model: A classifier, as loaded.
        view: Of this model.
        plan: Of this view.
        split: The training rows; the packed model is tried on some of them.
        pad_token_id: Of the model's tokenizer.
        rates: Where the plan leaves rates open.
        device: Receives the model.
        weight_decay: Of what decays.
        shelf: Where equal runs share what their frozen layers answer.

    Parameters are known by identity, so that a transform may rename them: those that the
    model had before the transforms obey the plan's phases, those that a transform introduced
    keep the `requires_grad` that it gave them.

    Raises:
        UsageError: nothing would train.
        Unsupported: the device or the model cannot do what the plan asks for.

    """
    precision = Precision(resolve_dtype(plan.precision, device), device)
    by_name = dict(model.named_parameters())
    known = {layer.name: [by_name[name] for name in layer.param_names] for layer in view.layers}
    layer_of = {id(param): layer for layer, params in known.items() for param in params}
    layers = dict(zip(view.names[1:-1], layers_of(model), strict=True))
    transformed: nn.Module = model
    for transform in plan.transforms:
        transformed = transform(transformed)
    if plan.weights == "bf16":
        transformed.to(torch.bfloat16)
    transformed.to(device)
    if is_by_onednn(precision.dtype, device):
        multiply_by_onednn(transformed)
    resolved = resolve_rates(plan, view, rates)
    rate_of = {
        param: resolved[layer_of.get(id(param), ADAPTERS)]
        for param in transformed.parameters()
        if (layer_of[id(param)] in resolved if id(param) in layer_of else param.requires_grad)
    }
    if not rate_of:
        msg = "the plan trains nothing: no layer and no adapter is left that may change"
        raise UsageError(msg)
    if device.type == "cpu":
        _own(rate_of)
    seen = split_table(transformed, model, split, pad_token_id, trained=rate_of) if plan.seen_embeddings else None
    if seen:
        rate_of[seen.rows] = rate_of.pop(seen.whole)
    if plan.compile:
        compile_layers(layers.values(), device)
    recompute_layers(layer for name, layer in layers.items() if name in plan.checkpoint)
    forward, why_padded = choose_forward(transformed, model, split, pad_token_id, precision)
    cache = _cache(forward, plan.num_frozen_layers(view), precision, shelf) if plan.cache_prefix else None
    optimizer = (plan.optimizer or _adamw)(_groups(rate_of, weight_decay))
    if seen:
        seen.follow(optimizer)
    prepared = Prepared(
        model=transformed,
        forward=cache or forward,
        cache=cache,
        compiles=plan.compile,
        flags=(Flag(code="not-packed", message=f"batches are padded: {why_padded}"),) if why_padded else (),
        optimizer=optimizer,
        precision=precision,
        device=device,
        after_step=plan.after_step,
        trained=tuple(rate_of),
        phases=plan.phases,
        known=known,
        rates=resolved,
        seen_embeddings=plan.seen_embeddings,
    )
    prepared.begin_epoch(0)
    if cache is not None:
        cache.check(split, device)
    return prepared


def _own(params: Iterable[nn.Parameter]) -> None:
    """Copy weights out of the file that they are mapped from, which the first step would do page by page as it writes."""
    for param in params:
        param.data = param.data.clone()


def _cache(forward: Forward, num_layers: int, precision: Precision, shelf: Shelf | None) -> CachedForward:
    if not isinstance(forward, PackedForward):
        raise Unsupported("cached stores what packed layers answer, and this model cannot be packed")
    return CachedForward(forward, num_layers=num_layers, precision=precision, shelf=shelf)


def _groups(rate_of: Mapping[nn.Parameter, float], weight_decay: float) -> list[dict[str, object]]:
    """One group per rate and decay; norms and biases, the parameters of one dimension, never decay."""
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for param, rate in rate_of.items():
        groups.setdefault((rate, weight_decay if param.ndim > 1 else 0.0), []).append(param)
    return [{"params": params, "lr": rate, "weight_decay": decay} for (rate, decay), params in groups.items()]


def _adamw(groups: Sequence[Mapping[str, object]]) -> Optimizer:
    return torch.optim.AdamW([dict(group) for group in groups], fused=True)
