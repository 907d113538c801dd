"""Which device a run is on where the request leaves it open."""

from __future__ import annotations

import os

from bench.errors import Unsupported

__all__ = ["choose_device"]


def choose_device(name: str) -> str:
    """Turn "auto" into the GPU where there is one, and refuse one that is not there before any work.

    Raises:
        UsageError: there is no such device.

    """
    if name == "cpu":
        return name
    from bench.executors.devices import gpus_of, visible_gpus  # noqa: PLC0415

    if name != "auto":
        gpus_of(name)
        return name
    try:
        return "cuda" if visible_gpus(os.environ.get("CUDA_VISIBLE_DEVICES")) else "cpu"
    except Unsupported:
        return "cpu"
