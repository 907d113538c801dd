"""The cache of the frozen layers' output: its files, sharing between equal runs, and what each of them is billed.

What is stored is computed by `bench.training.forward.cached`. Filling the cache is part of what the strategy costs:
a run that takes what an equal one has left pays the same time and memory.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import time
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import psutil
import torch

from bench.cache import build_once
from bench.errors import Unsupported
from bench.measuring import host_memory
from bench.measuring.peaks import peak_so_far
from bench.records.readings import PhasePeak

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from bench.training.forward.cached import CachedForward
    from bench.workload.data.dataset import Split

__all__ = ["ActivationCache", "CacheDirectory", "CacheFill", "check_room"]

MEMORY_SHARE = 1 / 4
"""Of the memory that is free: a larger cache stays in a memory-mapped file."""


@dataclass(frozen=True, slots=True)
class CacheDirectory:
    """Where the runs of a comparison leave their caches for each other."""

    path: Path
    content: str
    """Tells model and data: equal ones have equal frozen layers and rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheFill:
    """What a cache holds, and what filling it cost."""

    num_rows: int
    num_bytes: int
    seconds: float
    """To fill it, in this run or in the one that it is shared with."""
    is_shared: bool
    """Whether an earlier run filled it; its time and memory are billed all the same."""
    peak: PhasePeak
    """Of the run that filled it, when it had; on the host, above what this process holds."""


def check_room(num_bytes: int, directory: Path, what: str = "the output of the frozen layers") -> None:
    """Refuse to store more than the disk of `directory` has room for; `what` it is goes into the sentence.

    Raises:
        Unsupported: it has not.

    """
    if num_bytes > shutil.disk_usage(directory).free:
        raise _no_room(num_bytes, directory, what)


def _no_room(num_bytes: int, directory: Path, what: str = "the output of the frozen layers") -> Unsupported:
    free = shutil.disk_usage(directory).free
    return Unsupported(
        f"{what} takes {num_bytes / 2**20:,.1f} MiB, and {directory} has {free / 2**20:,.1f} MiB "
        "free: make room, or give a directory on another disk with --out"
    )


class ActivationCache:
    """The output of the frozen layers for the rows of a run, in a file."""

    def __init__(self, forward: CachedForward, directory: CacheDirectory | None) -> None:
        """Store for `forward`, in `directory` where equal runs share it."""
        self.forward, self._directory = forward, directory

    def num_bytes(self, split: Split, rows: NDArray[np.int64]) -> int:
        """The size of the cache for these rows."""
        return int(self.forward.num_vectors(split, rows).sum()) * self.forward.width * self.forward.dtype.itemsize

    def fill(self, split: Split, rows: NDArray[np.int64], device: torch.device) -> CacheFill:
        """Run the frozen layers on `rows`, or take what an equal run has left; the model must be in eval mode.

        Batches of this very `split` start above the frozen layers from now on.
        """
        num_bytes, is_shared, held = self.num_bytes(split, rows), True, host_memory.resident_bytes()
        fits = num_bytes <= MEMORY_SHARE * psutil.virtual_memory().available

        def build(folder: Path) -> None:
            nonlocal is_shared
            is_shared = False
            self._build(folder, split, rows, device)

        with TemporaryDirectory(prefix="bench-") as temporary:
            parent = self._directory.path if self._directory else Path(temporary)
            folder = build_once(parent / self._key(rows, device), build)
            facts = json.loads((folder / "facts.json").read_text())
            hidden = self._map(folder, split, rows)  # the mapping outlives the name of its file
        self.forward.start_from(hidden.clone() if fits else hidden, split, rows)
        peak = PhasePeak.model_validate(facts["peak"])
        if is_shared and None not in (held, facts["held_bytes"], peak.host_peak_bytes):
            # What filling took is what counts, not what else the two processes happen to hold.
            above = peak.host_peak_bytes - facts["held_bytes"]
            peak = peak.model_copy(update={"host_peak_bytes": held + above})
        return CacheFill(
            num_rows=len(rows), num_bytes=num_bytes, seconds=facts["seconds"], is_shared=is_shared, peak=peak
        )

    def _key(self, rows: NDArray[np.int64], device: torch.device) -> str:
        """Name what the vectors depend on."""
        content = self._directory.content if self._directory else ""
        parts = (content, self.forward.depends_on, device.type, sha256(rows.tobytes()).hexdigest())
        return sha256(repr(parts).encode()).hexdigest()[:32]

    def _map(self, folder: Path, split: Split, rows: NDArray[np.int64]) -> torch.Tensor:
        """Map the file of vectors, which is made where it is missing: (vectors, width)."""
        size = int(self.forward.num_vectors(split, rows).sum()) * self.forward.width
        flat = torch.from_file(str(folder / "hidden"), shared=True, size=size, dtype=self.forward.dtype)
        return flat.view(-1, self.forward.width)

    def _build(self, folder: Path, split: Split, rows: NDArray[np.int64], device: torch.device) -> None:
        began, held = time.perf_counter(), host_memory.resident_bytes()
        _reserve(folder / "hidden", self.num_bytes(split, rows))
        self.forward.compute(split, rows, device, self._map(folder, split, rows))
        facts = {
            "seconds": time.perf_counter() - began,
            "held_bytes": held,
            "peak": peak_so_far("train", device).model_dump(),
        }
        (folder / "facts.json").write_text(json.dumps(facts))


def _reserve(path: Path, num_bytes: int) -> None:
    """Make a file that has its blocks: who writes to a mapping of one that finds no room is killed."""
    with path.open("xb") as file:
        try:
            os.posix_fallocate(file.fileno(), 0, num_bytes)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise _no_room(num_bytes, path.parent) from error
            if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP):  # a file system that cannot promise room
                raise
