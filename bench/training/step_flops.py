"""The useful FLOPs of a step, for a strategy as it runs: of a pass of any size, from the matmuls of a tiny one."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

import numpy as np
import torch

from bench.measuring.flops import Extent
from bench.measuring.matmuls import PROBE_LENGTHS, read_shapes
from bench.training.precision import is_mixed
from bench.workload.data.batches import micro_batches
from bench.workload.data.dataset import Split

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from bench.measuring.flops import Shapes
    from bench.training.forward.batch import Batch
    from bench.training.prepared import Prepared

__all__ = ["flops_of_step", "flops_per_unit"]


def flops_per_unit(prepared: Prepared, split: Split) -> tuple[Shapes, tuple[int, int, int]]:
    """Find the matmuls of a pass with what trains now, and the useful FLOPs of a row, a token and a pair of tokens.

    The second are those of a step, in which layers whose output is stored do not run.

    Raises:
        Unsupported: the matmuls of this model cannot be counted.

    """
    shapes = _shapes(split, prepared, prepared.forward.plain_batch)
    above = _shapes(split, prepared, prepared.cache.forward.probe) if prepared.cache else shapes
    one, two, three = (above.flops(Extent(*unit)).useful for unit in ((1, 0, 0), (0, 1, 0), (0, 0, 1)))
    return shapes, (one, two, three)


def flops_of_step(
    prepared: Prepared,
    split: Split,
    rows: NDArray[np.int64],
    per_unit: tuple[int, int, int],
) -> int:
    """Add up the useful FLOPs of the passes of a step on `rows`."""
    lengths, (per_row, per_token, per_pair) = prepared.lengths(split), per_unit
    extents = [prepared.forward.extent(lengths[part]) for part in micro_batches(rows, prepared.plan.micro_batch_size)]
    return sum(per_row * it.rows + per_token * it.tokens + per_pair * it.pairs for it in extents)


def _shapes(split: Split, prepared: Prepared, put_together: Callable[..., Batch]) -> Shapes:
    """Read the matmuls of a forward pass with its loss, of a compiled model those of what it was made from."""
    tokens = np.resize(split.tokens, sum(PROBE_LENGTHS))
    offsets = np.cumsum([0, *PROBE_LENGTHS])
    probe = Split(tokens, offsets, np.zeros(len(PROBE_LENGTHS), dtype=np.int64))
    batch = put_together(probe, range(len(probe))).to(prepared.device)  # as long as it is, without a prompt
    autocast = prepared.precision.forward() if is_mixed(prepared.model) else nullcontext()
    with torch.compiler.set_stance("force_eager"), autocast:
        return read_shapes(lambda: prepared.loss(batch), prepared.params_by_layer)
