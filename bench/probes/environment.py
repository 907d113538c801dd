"""Where a run takes place: processor, memory, versions, driver, and the commit that measured."""

from __future__ import annotations

import os
import platform
import subprocess
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

import bench
from bench.probes.nvml import driver_version
from bench.record import Environment

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

__all__ = ["fingerprint", "git_state"]

_DISTRIBUTIONS = ("finetune-bench", "torch", "transformers", "datasets", "numpy")


def fingerprint(device: torch.device, assets: Mapping[str, str]) -> Environment:
    """Describe this process' surroundings; `assets` are digests of packaged models and data, by name."""
    import torch  # noqa: PLC0415  bench.probes stays cheap to import

    cpu = _cpu_name()
    gpu = torch.cuda.get_device_properties(device) if device.type == "cuda" else None
    commit, dirty = git_state(Path(bench.__file__).resolve().parents[1])
    return Environment(
        host_cpu=cpu,
        num_cores=len(os.sched_getaffinity(0)),
        num_threads=torch.get_num_threads(),
        host_memory_bytes=psutil.virtual_memory().total,
        platform=platform.platform(),
        python=platform.python_version(),
        versions=_versions(),
        device_name=gpu.name if gpu else cpu,
        device_memory_bytes=gpu.total_memory if gpu else None,
        driver=driver_version() if gpu else None,
        git_commit=commit,
        git_dirty=dirty,
        assets=dict(assets),
    )


def git_state(root: Path) -> tuple[str | None, bool | None]:
    """Give the commit of the checkout at `root` and whether it was changed since; None where it is no checkout."""
    # Inside a hook, git's own variables would point it to another checkout.
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ("git", "-C", str(root), "status", "--porcelain=v2", "--branch")
    if not (root / ".git").exists():  # a virtual environment may lie inside somebody else's checkout
        return None, None
    try:
        status = subprocess.run(  # noqa: S603  the arguments are ours
            command, env=environ | {"GIT_OPTIONAL_LOCKS": "0"}, capture_output=True, text=True, check=True, timeout=10
        )
    except (OSError, subprocess.SubprocessError):  # no git here, or it distrusts the directory's owner
        return None, None
    lines = status.stdout.splitlines()
    commit = next((line.split()[-1] for line in lines if line.startswith("# branch.oid ")), None)
    return commit, any(not line.startswith("#") for line in lines)


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
