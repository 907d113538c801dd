"""The parts of memory as the report has them, and as they are counted here by other means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.measuring.torch_memory import reachable_tensors, split_peak
from bench.records.readings import Memory

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from bench.records.readings import MemoryParts
    from bench.training.prepared import Prepared
    from bench.workload.data.dataset import Split

__all__ = ["Bytes", "measured"]

REST = 1 << 20
"""Bytes of activations in the peak that is split."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bytes:
    """Bytes of one kind each."""

    weights: int
    gradients: int
    optimizer: int
    rest: int = REST

    @classmethod
    def of_parts(cls, parts: MemoryParts) -> Bytes:
        """Those that the report shows."""
        return cls(
            weights=parts.weights_bytes,
            gradients=parts.gradients_bytes,
            optimizer=parts.optimizer_bytes,
            rest=parts.rest_bytes,
        )


def measured(prepared: Prepared, split: Split, rows: NDArray[np.int64], optimizer_bytes: int) -> tuple[Bytes, Bytes]:
    """Count the bytes after training, and split a peak that is made of them; `optimizer_bytes` were seen in its steps."""
    with prepared.precision.forward():
        loss = prepared.loss(prepared.batch(split, rows))
    loss.backward()
    params = {id(param): param for param in (*prepared.model.parameters(), *prepared.trained)}
    scales = reachable_tensors(*map(vars, params.values()))  # beside what is quantised
    held = {one.data_ptr(): one.nbytes for one in (*params.values(), *prepared.model.buffers(), *scales)}
    counted = Bytes(
        weights=sum(held.values()),
        gradients=sum(param.grad.nbytes for param in params.values() if param.grad is not None),
        optimizer=optimizer_bytes
        + sum(value.nbytes for value in (prepared.averaged.values if prepared.averaged else ())),
    )
    prepared.optimizer.zero_grad(set_to_none=True)
    total = counted.weights + counted.gradients + counted.optimizer + counted.rest
    peak = Memory(host_peak_bytes=total, host_baseline_bytes=counted.weights, host_before_bytes=0)
    parts = split_peak(peak, prepared.model, prepared.trained, prepared.optimizer, prepared.averaged)
    assert parts is not None, "a peak was given"
    return counted, Bytes.of_parts(parts)
