"""Which device a run is on where the request leaves it open."""

from __future__ import annotations

import os

from bench.errors import Unsupported

__all__ = ["choose_device"]


def choose_device(name: str) -> str:
    """Turn "auto" into the GPU where there is one."""
    if name != "auto":
        return name
    from bench.runner.lease import visible_gpus  # noqa: PLC0415

    try:
        return "cuda" if visible_gpus(os.environ.get("CUDA_VISIBLE_DEVICES")) else "cpu"
    except Unsupported:
        return "cpu"
