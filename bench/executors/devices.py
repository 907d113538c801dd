"""Devices: which one a run is on, and that one run measures at a time, by a lock or a GPU for itself.

Locks are held by the kernel, which releases them when their process ends, however it ends.
"""

from __future__ import annotations

import os
import re
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from bench.errors import Unsupported, UsageError
from bench.measuring.nvml import list_gpus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bench.protocol import Request

__all__ = ["choose_device", "gpus_of", "lease", "visible_gpus"]

POLL_SECONDS = 0.5
_DEVICE = re.compile(r"cpu|cuda(?::(\d+))?")
_UUID = re.compile(r"(GPU|MIG)-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@contextmanager
def lease(request: Request, on_wait: Callable[[str], None]) -> Iterator[str | None]:
    """Hold what the request measures on; gives the UUID of the leased GPU, None on a CPU.

    `on_wait` gets one sentence if another process measures there now. Preparing measures
    nothing and waits for nobody.

    Raises:
        UsageError: there is no such device, or the lock cannot be taken.

    """
    gpus = gpus_of(request.spec.device)
    if request.mode == "prepare":
        yield None
        return
    name, lock = _first_free(gpus or ["cpu"], on_wait)
    try:
        yield name if gpus else None
    finally:
        lock.release()


def visible_gpus(chosen: str | None) -> list[str]:
    """Give the UUIDs of the GPUs in PCI order, as far as CUDA_VISIBLE_DEVICES, `chosen`, lets them be seen.

    Raises:
        Unsupported: NVML does not answer, and `chosen` does not name GPUs in full.

    """
    named = [] if chosen is None else [token.strip() for token in chosen.split(",")]
    if named and all(map(_UUID.fullmatch, named)):
        return named
    present = [gpu.uuid for gpu in list_gpus()]
    visible: list[str] = []
    for token in present if chosen is None else named:
        index = int(token) if token.isdecimal() else None
        match = [uuid for i, uuid in enumerate(present) if i == index or (token and uuid.startswith(token))]
        if not match:  # CUDA, too, stops at the first that is not there
            break
        visible.append(match[0])
    return visible


def gpus_of(device: str) -> list[str]:
    """Give the UUIDs that a device stands for; none for the CPU.

    Raises:
        UsageError: there is no such device.

    """
    match = _DEVICE.fullmatch(device)
    if not match:
        msg = f"unknown device {device!r}: give auto, cpu, cuda or cuda:INDEX"
        raise UsageError(msg)
    if device == "cpu":
        return []
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    try:
        visible = visible_gpus(chosen)
    except Unsupported as error:
        msg = f"no usable GPU for --device {device}: {error}; use --device cpu, or name it in full (GPU-...) in CUDA_VISIBLE_DEVICES"
        raise UsageError(msg) from error
    gpus = visible[int(match[1]) :][:1] if match[1] else visible
    if not gpus:
        among = "" if chosen is None else f" (CUDA_VISIBLE_DEVICES is {chosen!r})"
        msg = f"no usable GPU for --device {device}: {len(visible)} visible here{among}; use --device cpu"
        raise UsageError(msg)
    return gpus


def _first_free(names: Sequence[str], on_wait: Callable[[str], None]) -> tuple[str, FileLock]:
    locks = {name: FileLock(_directory() / f"finetune-bench-{name}.lock", mode=0o666) for name in names}
    what = "this machine" if names == ["cpu"] else f"each of the {len(names)} GPUs" if len(names) > 1 else "this GPU"
    is_told = False
    while True:
        for name, lock in locks.items():
            try:
                lock.acquire(blocking=False)
            except Timeout:
                continue
            except OSError as error:
                msg = f"cannot lock {lock.lock_file} ({error.strerror}); set BENCH_LOCK_DIR to a directory that all who measure here may write"
                raise UsageError(msg) from error
            return name, lock
        if not is_told:
            on_wait(f"another bench is measuring on {what}; waiting")
            is_told = True
        time.sleep(POLL_SECONDS)


def _directory() -> Path:
    """Where all who measure on this machine look: TMPDIR is often one user's or one job's own."""
    if chosen := os.environ.get("BENCH_LOCK_DIR"):
        return Path(chosen)
    tmp = Path("/tmp")  # noqa: S108  filelock follows no link there, and the files have no content
    shared = (tmp if tmp.is_dir() else Path(tempfile.gettempdir())) / "finetune-bench"
    with suppress(OSError):  # it is there already, or cannot be made, which the lock will say
        shared.mkdir()
        shared.chmod(0o777)  # not sticky as /tmp is: there a file can be opened by its owner alone
    return shared


def choose_device(name: str) -> str:
    """Turn "auto" into the GPU where there is one, and refuse one that is not there before any work.

    Raises:
        UsageError: there is no such device.

    """
    if name == "cpu":
        return name
    if name != "auto":
        gpus_of(name)
        return name
    try:
        return "cuda" if visible_gpus(os.environ.get("CUDA_VISIBLE_DEVICES")) else "cpu"
    except Unsupported:
        return "cpu"
