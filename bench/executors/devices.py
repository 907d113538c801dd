"""Devices: which one a run uses, and locks that let one run measure on it at a time.

The kernel holds the locks and releases them when their process ends, however it ends.
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

__all__ = ["Busy", "cannot_lock", "choose_device", "gpus_of", "lease", "lock_file", "visible_gpus"]

POLL_SECONDS = 0.5
_DEVICE = re.compile(r"cpu|cuda(?::(\d+))?")
_UUID = re.compile(r"(GPU|MIG)-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Busy(Exception):
    """Every device that a request could measure on is leased."""


@contextmanager
def lease(request: Request, on_wait: Callable[[str], None] | None, *, num: int = 1) -> Iterator[tuple[str, ...]]:
    """Lock the devices that the request measures on; yields the UUIDs of `num` leased GPUs, none on a CPU.

    `on_wait` gets one sentence if another run measures there now; None waits for no other. Preparing measures
    nothing and takes no lock.

    Raises:
        Busy: another run measures there, and it was not to be waited for.
        UsageError: there is no such device, or fewer of them, or the lock cannot be taken.

    """
    gpus = gpus_of(request.spec.device)
    if request.mode == "prepare":
        yield ()
        return
    if gpus and num > len(gpus):
        raise UsageError(
            f"{num} processes on GPUs need a GPU each, and --device {request.spec.device} stands for {len(gpus)} here: give a smaller "
            "--nproc"
        )
    locks = _first_free(gpus or ["cpu"], num if gpus else 1, on_wait)
    try:
        yield tuple(locks) if gpus else ()
    finally:
        for lock in locks.values():
            lock.release()


def visible_gpus(chosen: str | None) -> list[str]:
    """Return the UUIDs of the GPUs that CUDA_VISIBLE_DEVICES, `chosen`, makes visible, in its order or PCI's.

    Raises:
        Unsupported: NVML does not respond, and `chosen` does not name GPUs in full.

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
    """Return the UUIDs of the GPUs that a device name stands for; none for the CPU.

    Raises:
        UsageError: there is no such device.

    """
    match = _DEVICE.fullmatch(device)
    if not match:
        raise UsageError(f"unknown device {device!r}: give auto, cpu, cuda or cuda:INDEX")
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
        raise UsageError(f"no usable GPU for --device {device}: {len(visible)} visible here{among}; use --device cpu")
    return gpus


def _first_free(names: Sequence[str], num: int, on_wait: Callable[[str], None] | None) -> dict[str, FileLock]:
    """Lock `num` of them at once, or none: who waits holds nothing that another waits for."""
    locks = {name: FileLock(lock_file(name), mode=0o666) for name in names}
    what = "this machine" if names == ["cpu"] else f"each of the {len(names)} GPUs" if len(names) > 1 else "this GPU"
    has_announced = False
    while True:
        held: dict[str, FileLock] = {}
        for name, lock in locks.items():
            try:
                lock.acquire(blocking=False)
            except Timeout:
                continue
            except OSError as error:
                raise cannot_lock(lock.lock_file, error) from error
            held[name] = lock
            if len(held) == num:
                return held
        for lock in held.values():
            lock.release()
        if on_wait is None:
            raise Busy
        if not has_announced:
            on_wait(f"another bench is measuring on {what}; waiting")
            has_announced = True
        time.sleep(POLL_SECONDS)


def cannot_lock(file: str | Path, error: OSError) -> UsageError:
    """Say that a lock cannot be taken, and what to do."""
    return UsageError(
        f"cannot lock {file} ({error.strerror}); set BENCH_LOCK_DIR to a directory that all who measure here may write"
    )


def lock_file(name: str) -> Path:
    """The file of a lock, by the name of what it locks, in a directory that is there if it can be."""
    return _directory() / f"finetune-bench-{name}.lock"


def _directory() -> Path:
    """Make and return the directory of locks that all users of this machine share; TMPDIR is often one user's or one job's."""
    if chosen := os.environ.get("BENCH_LOCK_DIR"):
        own = Path(chosen)
        with suppress(OSError):  # which locking will report
            own.mkdir(parents=True, exist_ok=True)
        return own
    tmp = Path("/tmp")  # noqa: S108  filelock follows no link there, and the files have no content
    shared = (tmp if tmp.is_dir() else Path(tempfile.gettempdir())) / "finetune-bench"
    with suppress(OSError):  # it exists, or cannot be made, which locking will report
        shared.mkdir()
        shared.chmod(0o777)  # not sticky as /tmp is, where only its owner can open a file
    return shared


def choose_device(name: str) -> str:
    """Resolve "auto" to the GPU where there is one, and refuse a missing device before any work.

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
