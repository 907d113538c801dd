"""Where a run takes place: processor, memory, versions, driver, and the commit of `bench`."""

from __future__ import annotations

import os
import platform
from contextlib import suppress
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import torch

from bench.measuring.checkout import git_state
from bench.measuring.nvml import driver_version
from bench.records.record import Environment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench.experiment.spec import RunSpec

__all__ = ["device_name", "fingerprint"]

_DISTRIBUTIONS = (
    *("finetune-bench", "torch", "transformers", "datasets", "numpy"),
    *("tokenizers", "safetensors", "accelerate", "peft", "nvidia-ml-py"),
)
_VARIABLES = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "MALLOC_MMAP_MAX_", "MALLOC_TRIM_THRESHOLD_")
"""Environment variables that set how libraries use a CPU and its memory."""


def fingerprint(
    device: torch.device, assets: Mapping[str, str], spec: RunSpec, *, fp32_matmuls: str = "as torch chooses"
) -> Environment:
    """Describe the machine, the software and the settings of this process' run; `assets` are digests by name."""
    gpu = torch.cuda.get_device_properties(device) if device.type == "cuda" else None
    commit, dirty = git_state(Path(__file__).resolve().parents[2])
    return Environment(
        host_cpu=_cpu_name(),
        num_cores=len(os.sched_getaffinity(0)),
        num_threads=torch.get_num_threads(),
        host_memory_bytes=psutil.virtual_memory().total,
        platform=platform.platform(),
        python=platform.python_version(),
        versions=_versions(),
        device_name=device_name(device),
        device_memory_bytes=gpu.total_memory if gpu else None,
        driver=driver_version() if gpu else None,
        git_commit=commit,
        git_dirty=dirty,
        assets=dict(assets),
        settings=_settings(device, fp32_matmuls),
        config_hash=sha256(spec.model_dump_json().encode()).hexdigest(),
    )


def device_name(device: torch.device) -> str:
    """Return what the driver calls a GPU, or the kernel the processor."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else _cpu_name()


def _settings(device: torch.device, fp32_matmuls: str) -> dict[str, str]:
    """List the settings that decide how torch computes here."""
    of_device: dict[str, object] = (
        {
            "CUDA": torch.version.cuda,
            "cuDNN": torch.backends.cudnn.version(),
            "TF32 in cuDNN": torch.backends.cudnn.allow_tf32,
            "reduced precision in bf16 sums": torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction,
            "allocator": os.environ.get("PYTORCH_CUDA_ALLOC_CONF", "default"),
        }
        if device.type == "cuda"
        else {
            "instructions": torch.backends.cpu.get_cpu_capability(),
            "oneDNN": torch.backends.mkldnn.is_available() and torch.backends.mkldnn.enabled,
            "fp32 products": fp32_matmuls,
            **{name: os.environ.get(name, "default") for name in _VARIABLES},
        }
    )
    settings = of_device | {
        "threads": torch.get_num_threads(),
        "threads between operations": torch.get_num_interop_threads(),
        "precision of fp32 products": torch.get_float32_matmul_precision(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
    }
    return {name: str(value) for name, value in settings.items()}


def _cpu_name(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    with suppress(OSError):
        for line in cpuinfo.read_text().splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()


def _versions() -> dict[str, str]:
    found = {}
    for name in _DISTRIBUTIONS:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found
