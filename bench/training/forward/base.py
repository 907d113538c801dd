"""What every way to run a classifier on rows of unlike length can be asked; nobody asks which way it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import torch
    from numpy.typing import NDArray

    from bench.measuring.flops import Extent
    from bench.training.forward.batch import Batch
    from bench.workload.data.dataset import Split

__all__ = ["Forward", "LayeredForward", "WholeForward"]


class Forward(Protocol):
    """A way to run a classifier on rows of a split."""

    def batch(self, split: Split, rows: NDArray[np.int64] | Sequence[int], /) -> Batch:
        """Put rows together, on the CPU."""
        ...

    def plain_batch(self, split: Split, rows: NDArray[np.int64] | Sequence[int], /) -> Batch:
        """Put rows together without what a device's kernels ask for: every product is of its rows and tokens, and can be read."""
        ...

    def logits(self, batch: Batch, /) -> torch.Tensor:
        """Run the model: (rows, labels)."""
        ...

    def extent(self, lengths: NDArray[np.integer], /) -> Extent:
        """How much one pass works on, on rows of these lengths."""
        ...

    def kernel_size(self, lengths: NDArray[np.integer], /) -> tuple[int, int]:
        """What a GPU chooses its kernels by: equal for batches of rows that run the same ones."""
        ...

    def close(self) -> None:
        """Leave the model as it was."""
        ...


class WholeForward(Forward, Protocol):
    """A way that runs all layers, as `choose_forward` finds it."""

    def layered(self) -> LayeredForward:
        """The same way, able to run its first layers alone.

        Raises:
            Unsupported: it cannot.

        """
        ...


class LayeredForward(Forward, Protocol):
    """A way that can run its first layers alone, and start above them: what a cache of their output needs."""

    num_layers: int
    width: int
    """Of the vectors that pass from layer to layer."""
    dtype: torch.dtype
    """Of the weights."""

    def prefix(self, batch: Batch, num_layers: int, /) -> torch.Tensor:
        """Run the first layers alone: (tokens, width), or (rows, width) of the picked tokens where that is all layers."""
        ...

    def above(self, batch: Batch, vectors: torch.Tensor, num_layers: int, /) -> Batch:
        """Let a batch start above the first layers, with `vectors` as `prefix` returns them."""
        ...
