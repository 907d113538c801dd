"""What pytest-benchmark does not record of a machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bench.errors import Unsupported
from bench.gate.judging.benchmark_files import MACHINE_KEY
from bench.measuring.nvml import driver_version, list_gpus

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["gpus"]


def gpus() -> Mapping[str, Any]:
    """Return the GPUs and their driver under the key that the gate reads; empty where there are none."""
    try:
        names = [gpu.name for gpu in list_gpus()]
    except Unsupported:
        return {}
    return {MACHINE_KEY: {"gpus": names, "driver": driver_version()}} if names else {}
