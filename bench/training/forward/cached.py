"""The frozen layers run once per row: their output is stored, and training starts above them.

The frozen part is deterministic (its dropout is off) and never changes, so that its output is
the same in every epoch. Where only the head trains, one vector per row is stored, else one per
token. Where they are stored, and who pays for it, is of `bench.training.activation_cache`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from bench.errors import Unsupported
from bench.workload.data.batches import by_token_budget

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from bench.measuring.flops import Extent
    from bench.training.forward.base import LayeredForward
    from bench.training.forward.batch import Batch
    from bench.training.precision import Precision
    from bench.workload.data.dataset import Split

__all__ = ["CachedForward"]

TOKENS_AT_ONCE = 2048
"""In a batch that computes what is stored."""


class CachedForward:
    """A forward pass that starts above the layers whose output is stored."""

    def __init__(self, inner: LayeredForward, *, num_layers: int, precision: Precision) -> None:
        """Start above the first `num_layers`; vectors are in bf16 where `precision` computes in it, else in fp32."""
        self._inner, self._num_layers, self._precision = inner, num_layers, precision
        # What passes from layer to layer is not what is multiplied, and may lie beyond the range of fp16.
        self.dtype = torch.float32 if precision.dtype == torch.float16 else precision.dtype
        self.width = inner.width
        self._pools = num_layers == inner.num_layers
        self._split: Split | None = None
        self._vectors = _VectorIndex(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), 0)
        self._hidden = torch.empty(0)

    @property
    def depends_on(self) -> tuple[object, ...]:
        """What the vectors depend on, beside the model, the rows and the device."""
        return self._num_layers, (self._inner.dtype, self._precision.dtype)

    def on(self, inner: LayeredForward) -> CachedForward:
        """Start above the same layers, run in another way, whose output is still to be stored."""
        return CachedForward(inner, num_layers=self._num_layers, precision=self._precision)

    def check(self, split: Split, device: torch.device) -> None:
        """Make sure that the vectors never change: a part that the checkpoint lacks trains with the head, adapters may stand anywhere.

        Raises:
            Unsupported: something in the frozen layers, or below them, trains now.

        """
        batch = self._inner.batch(split, [0]).to(device)
        with torch.enable_grad(), torch.compiler.set_stance("force_eager"), self._precision.forward():
            trains = self._inner.prefix(batch, self._num_layers).requires_grad
        if trains:
            msg = "cached stores the output of frozen layers, and something in or below them trains: an adapter, or a part that the checkpoint lacks"
            raise Unsupported(msg)

    def num_vectors(self, split: Split, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """How many vectors are stored of each of these rows: (rows,)."""
        return np.ones(len(rows), dtype=np.int64) if self._pools else split.lengths[rows]

    @torch.no_grad()
    def compute(self, split: Split, rows: NDArray[np.int64], device: torch.device, hidden: torch.Tensor) -> None:
        """Run the frozen layers on `rows`, whose vectors fill `hidden`, (vectors, width), in the order of `rows`."""
        vectors = self._index(split, rows)
        for some in by_token_budget(split.lengths, rows, TOKENS_AT_ONCE):
            batch = self._inner.batch(split, some).to(device)
            with self._precision.forward():
                outputs = self._inner.prefix(batch, self._num_layers)
            places = vectors.of(some)
            hidden.index_copy_(0, places, outputs[: len(places)].to("cpu", hidden.dtype))

    def start_from(self, hidden: torch.Tensor, split: Split, rows: NDArray[np.int64]) -> None:
        """Start batches of this very `split` above the frozen layers from now on; those of any other run all layers.

        `hidden`, (vectors, width), is what `compute` fills for `rows`.
        """
        self._hidden, self._split, self._vectors = hidden, split, self._index(split, rows)

    def batch(self, split: Split, rows: NDArray[np.int64] | Sequence[int]) -> Batch:
        """Put rows together, with their stored vectors."""
        batch = self._inner.batch(split, rows)
        if split is not self._split:
            return batch
        return self._above(batch, self._hidden.index_select(0, self._vectors.of(rows)))

    def plain_batch(self, split: Split, rows: NDArray[np.int64] | Sequence[int]) -> Batch:
        """Put rows together for a pass of all layers, without what a device's kernels ask for."""
        return self._inner.plain_batch(split, rows)

    def probe(self, split: Split, rows: Sequence[int]) -> Batch:
        """Put any rows together as those are whose vectors are stored, with zeros as theirs."""
        num_vectors = int(self.num_vectors(split, np.array(rows)).sum())
        return self._above(self._inner.plain_batch(split, rows), torch.zeros(num_vectors, self.width))

    def _above(self, batch: Batch, vectors: torch.Tensor) -> Batch:
        """Let a batch start above the frozen layers, with vectors (vectors, width) of its rows."""
        return self._inner.above(batch, vectors, self._num_layers)

    def logits(self, batch: Batch) -> torch.Tensor:
        """Run the model, or what of it is not stored: (rows, labels)."""
        return self._inner.logits(batch)

    def extent(self, lengths: NDArray[np.integer]) -> Extent:
        """How much one pass works on, that of the stored layers included."""
        return self._inner.extent(lengths)

    def kernel_size(self, lengths: NDArray[np.integer]) -> tuple[int, int]:
        """What a GPU chooses its kernels by, below and above the cache."""
        return self._inner.kernel_size(lengths)

    def close(self) -> None:
        """Leave the model as it was."""
        self._inner.close()

    def _index(self, split: Split, rows: NDArray[np.int64]) -> _VectorIndex:
        return _VectorIndex(rows, self.num_vectors(split, rows), len(split))


class _VectorIndex:
    """Where the vectors of each row stand among all that are stored."""

    def __init__(self, rows: NDArray[np.int64], sizes: NDArray[np.int64], num_rows: int) -> None:
        """Let `rows` of a split of `num_rows` stand end to end, with `sizes` vectors each."""
        self._starts, self._sizes = np.zeros((2, num_rows), dtype=np.int64)
        self._starts[rows] = np.cumsum(sizes) - sizes
        self._sizes[rows] = sizes

    def of(self, rows: NDArray[np.int64] | Sequence[int]) -> torch.Tensor:
        """The places of all vectors of these rows, in their order: (vectors,)."""
        sizes = self._sizes[rows]
        within = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        return torch.from_numpy(np.repeat(self._starts[rows], sizes) + within)
