"""Reads `cache_prefix`: the frozen layers run once per row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.training.activation_cache import ActivationCache
from bench.training.forward.cached import CachedForward

if TYPE_CHECKING:
    from bench.training.activation_cache import CacheDirectory
    from bench.training.forward.base import WholeForward
    from bench.training.precision import Precision

__all__ = ["cache_layers"]


def cache_layers(
    forward: WholeForward, num_layers: int, precision: Precision, directory: CacheDirectory | None
) -> ActivationCache:
    """Store the output of the first `num_layers`, once the cache is filled, and start `forward` above them.

    Raises:
        Unsupported: this way to run the model cannot stop between layers.

    """
    return ActivationCache(CachedForward(forward.layered(), num_layers=num_layers, precision=precision), directory)
