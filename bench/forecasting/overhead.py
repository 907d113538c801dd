"""What a device and its allocator take beyond the tensors of a training: at least and at most."""

from __future__ import annotations

from typing import Literal

__all__ = ["overhead"]

MIB = 2**20

H200_CONTEXT = (751 * MIB, 781 * MIB)
"""NVML above what torch's allocator held: its context and the code of kernels, measured on one H200 (docs/performance.md)."""
OTHER_CONTEXT = (300 * MIB, 1024 * MIB)
"""Of GPUs on which it was not measured: a driver that loads kernels as they are used, or all of them."""
FRAGMENTED_SHARE = (0.0, 0.15)
"""Of tensors, that the caching allocator holds on top: none, or the mean over trainings with savings of memory in Guo et al. 2024, arXiv 2401.08156."""
HEAP_SHARE = (0.2, 0.3)
"""Of what comes and goes, that a C library's heap holds on top on a CPU, as measured of full, checkpoint and amp on two models."""
HEAP_BYTES = (0, 50 * MIB)
"""And beside that share, as measured where little trains."""


def overhead(kind: Literal["cpu", "cuda"], *, card: str, tensors_bytes: int, weights_bytes: int) -> tuple[int, int]:
    """Return the bytes that a device adds to tensors, at least and at most.

    Args:
        kind: Of the device.
        card: Its short name.
        tensors_bytes: At the peak.
        weights_bytes: Part of them, which never moves: it fragments no heap.

    """
    if kind == "cpu":
        low, high = (share * (tensors_bytes - weights_bytes) for share in HEAP_SHARE)
        return round(low) + HEAP_BYTES[0], round(high) + HEAP_BYTES[1]
    context = H200_CONTEXT if card == "h200-141gb" else OTHER_CONTEXT
    low, high = (fixed + share * tensors_bytes for fixed, share in zip(context, FRAGMENTED_SHARE, strict=True))
    return round(low), round(high)
