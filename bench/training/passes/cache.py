"""Reads `cache_prefix`: the frozen layers run once per row."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bench.errors import UsageError
from bench.training.activation_cache import ActivationCache
from bench.training.forward.cached import CachedForward

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from torch import nn

    from bench.plan.train_plan import TrainPlan
    from bench.plan.view import ModelView
    from bench.training.activation_cache import CacheDirectory
    from bench.training.forward.base import WholeForward
    from bench.training.precision import Precision

__all__ = ["cache_layers", "num_frozen_layers"]


def num_frozen_layers(
    view: ModelView,
    params: Mapping[str, nn.Parameter],
    layers: Mapping[str, nn.Module],
    trained: Container[nn.Parameter],
) -> int:
    """Count the layers at the bottom in which nothing trains at any time, be it their own or an adapter's.

    Args:
        view: Of the model.
        params: What the model had before any transform, by the names of the view.
        layers: As they are now, by name.
        trained: The parameters that train at some time.

    Raises:
        UsageError: there is none.

    """
    num_frozen = -1  # the embeddings are no layer
    for layer in view.layers[:-1]:
        inside = layers[layer.name].parameters() if layer.name in layers else ()
        if any(param in trained for param in (*inside, *map(params.__getitem__, layer.param_names))):
            break
        num_frozen += 1
    if num_frozen < 1:
        where = "the embeddings" if num_frozen < 0 else "the lowest layer"
        msg = f"cached stores the output of frozen layers, but something trains in {where}: keep adapters to the layers above, or leave cached out"
        raise UsageError(msg)
    return num_frozen


def cache_layers(
    forward: WholeForward, num_layers: int, precision: Precision, directory: CacheDirectory | None, plan: TrainPlan
) -> ActivationCache:
    """Store the output of the first `num_layers`, once the cache is filled, and start `forward` above them.

    Runs share a cache where their layers are stored alike; what a transform did to them is its own.

    Raises:
        Unsupported: this way to run the model cannot stop between layers.

    """
    if plan.transforms:
        directory = None
    elif directory:
        directory = replace(directory, content=f"{directory.content} {plan.weights} {plan.frozen_weights}")
    return ActivationCache(CachedForward(forward.layered(), num_layers=num_layers, precision=precision), directory)
