"""The frozen layers run once per row: what they answer is stored, and training starts above them.

The frozen part is deterministic (its dropout is off) and never changes, so that its answers are
the same in every epoch. Where only the head trains, one vector per row is stored, else one per
token. Building the store is part of what the strategy costs, and billed.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
import psutil
import torch

from bench.cache import build_once
from bench.errors import Unsupported
from bench.measuring import host_memory
from bench.measuring.peaks import peak_so_far
from bench.records.readings import PhasePeak
from bench.workload.data.batches import by_token_budget

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from bench.training.forward.batch import Batch
    from bench.training.forward.packed import PackedForward
    from bench.training.precision import Precision
    from bench.workload.data.dataset import Split

__all__ = ["CachedForward", "Shelf", "Stored"]

TOKENS_AT_ONCE = 2048
"""In a pack that fills the store."""
MEMORY_SHARE = 1 / 4
"""Of the memory that is free: a larger store stays in a memory-mapped file."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where the runs of a comparison leave their stores for each other."""

    directory: Path
    content: str
    """Tells model and data: equal ones have equal frozen layers and rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What a store holds, and what it cost."""

    num_rows: int
    num_bytes: int
    seconds: float
    """To build it, in this run or in the one that it is shared with."""
    is_shared: bool
    """Whether an earlier run built it; its time and memory are billed all the same."""
    peak: PhasePeak
    """Of the run that built it, when it had; on the host_memory, above what this process holds."""


class CachedForward:
    """A packed forward pass that starts above the layers whose answers are stored."""

    def __init__(self, inner: PackedForward, *, num_layers: int, precision: Precision, shelf: Shelf | None) -> None:
        """Store what the first `num_layers` of the model answer: in bf16 where `precision` computes in it, else in fp32."""
        self._inner, self._num_layers, self._precision, self._shelf = inner, num_layers, precision, shelf
        # What passes from layer to layer is not what is multiplied, and may lie beyond the range of fp16.
        self._dtype = torch.float32 if precision.dtype == torch.float16 else precision.dtype
        self._pools = num_layers == inner.num_layers
        self._split: Split | None = None
        self._places = _Places.none()
        self._hidden = torch.empty(0)

    def check(self, split: Split, device: torch.device) -> None:
        """Make sure that what is to be stored never changes: a part that the checkpoint lacks trains with the head.

        Raises:
            Unsupported: something in the frozen layers, or below them, trains now.

        """
        batch = self._inner.batch(split, [0]).to(device)
        with torch.enable_grad(), torch.compiler.set_stance("force_eager"), self._precision.forward():
            trains = self._inner.prefix(batch, self._num_layers).requires_grad
        if trains:
            msg = "cached stores what frozen layers answer, and the checkpoint lacks a part of them, which must train"
            raise Unsupported(msg)

    def num_bytes(self, split: Split, rows: NDArray[np.int64]) -> int:
        """Say how much room the store of these rows takes."""
        return int(self._sizes(split, rows).sum()) * self._inner.width * self._dtype.itemsize

    def fill(self, split: Split, rows: NDArray[np.int64], device: torch.device) -> Stored:
        """Run the frozen layers on `rows`, or take what an equal run has left; the model must be in eval mode.

        Batches of this very `split` start above the frozen layers from now on; those of any
        other take the whole way.
        """
        self._places = _Places(rows, self._sizes(split, rows), len(split))
        num_bytes, is_shared, held = self.num_bytes(split, rows), True, host_memory.resident_bytes()
        fits = num_bytes <= MEMORY_SHARE * psutil.virtual_memory().available

        def build(folder: Path) -> None:
            nonlocal is_shared
            is_shared = False
            self._build(folder, split, rows, device)

        with TemporaryDirectory(prefix="bench-") as temporary:
            folder = build_once(
                (self._shelf.directory if self._shelf else Path(temporary)) / self._key(rows, device), build
            )
            facts = json.loads((folder / "facts.json").read_text())
            hidden = self._map(folder)  # the mapping outlives the name of its file
        self._hidden, self._split = hidden.clone() if fits else hidden, split
        peak = PhasePeak.model_validate(facts["peak"])
        if is_shared and None not in (held, facts["held_bytes"], peak.host_peak_bytes):
            # What building took is what counts, not what else the two processes happen to hold.
            above = peak.host_peak_bytes - facts["held_bytes"]
            peak = peak.model_copy(update={"host_peak_bytes": held + above})
        return Stored(
            num_rows=len(rows),
            num_bytes=num_bytes,
            seconds=facts["seconds"],
            is_shared=is_shared,
            peak=peak,
        )

    def batch(self, split: Split, rows: NDArray[np.int64] | Sequence[int]) -> Batch:
        """Pack the given rows of a split, with what is stored of them."""
        batch = self._inner.batch(split, rows)
        if split is not self._split:
            return batch
        if self._pools:
            batch = self._inner.pooled(batch)
        prefix = self._hidden.index_select(0, self._places.of(rows)).to(self._inner.dtype)
        if num_missing := batch.body["input_ids"].shape[1] - len(prefix):  # what fills the pack up is not stored
            prefix = torch.cat([prefix, prefix.new_zeros(num_missing, prefix.shape[1])])
        return replace(batch, prefix=prefix.unsqueeze(0), num_stored_layers=self._num_layers)

    def logits(self, batch: Batch) -> torch.Tensor:
        """Run the model, or what of it is not stored: (rows, labels)."""
        return self._inner.logits(batch)

    def close(self) -> None:
        """Leave the model as it was."""
        self._inner.close()

    def _sizes(self, split: Split, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Vectors per row."""
        return np.ones(len(rows), dtype=np.int64) if self._pools else split.lengths[rows]

    def _key(self, rows: NDArray[np.int64], device: torch.device) -> str:
        content = self._shelf.content if self._shelf else ""
        types = (self._inner.dtype, self._precision.dtype)
        parts = (content, self._num_layers, types, device.type, sha256(rows.tobytes()).hexdigest())
        return sha256(repr(parts).encode()).hexdigest()[:32]

    def _map(self, folder: Path) -> torch.Tensor:
        size = self._places.total * self._inner.width
        flat = torch.from_file(str(folder / "hidden"), shared=True, size=size, dtype=self._dtype)
        return flat.view(-1, self._inner.width)

    @torch.no_grad()
    def _build(self, folder: Path, split: Split, rows: NDArray[np.int64], device: torch.device) -> None:
        began, held = time.perf_counter(), host_memory.resident_bytes()
        hidden = self._map(folder)
        for some in by_token_budget(split.lengths, rows, TOKENS_AT_ONCE):
            batch = self._inner.batch(split, some).to(device)
            with self._precision.forward():
                answers = self._inner.prefix(batch, self._num_layers)
            places = self._places.of(some)
            hidden.index_copy_(0, places, answers[: len(places)].to("cpu", hidden.dtype))
        facts = {
            "seconds": time.perf_counter() - began,
            "held_bytes": held,
            "peak": peak_so_far("train", device).model_dump(),
        }
        (folder / "facts.json").write_text(json.dumps(facts))


class _Places:
    """Where in the store the vectors of each row stand."""

    def __init__(self, rows: NDArray[np.int64], sizes: NDArray[np.int64], num_rows: int) -> None:
        """Let `rows` of a split of `num_rows` stand end to end, with `sizes` vectors each."""
        self.total = int(sizes.sum())
        self._starts, self._sizes = np.zeros((2, num_rows), dtype=np.int64)
        self._starts[rows] = np.cumsum(sizes) - sizes
        self._sizes[rows] = sizes

    @classmethod
    def none(cls) -> _Places:
        """Stand for an empty store."""
        return cls(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), 0)

    def of(self, rows: NDArray[np.int64] | Sequence[int]) -> torch.Tensor:
        """List the places of all vectors of these rows, in their order."""
        sizes = self._sizes[rows]
        within = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        return torch.from_numpy(np.repeat(self._starts[rows], sizes) + within)
