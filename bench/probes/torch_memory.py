"""Peaks of torch's caching allocator on a GPU: exact, by events, but blind to all that torch does not allocate."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

__all__ = ["peak_bytes", "reset_peak"]


def reset_peak(device: torch.device) -> None:
    """Start the peaks anew; nothing off CUDA."""
    if device.type == "cuda":
        import torch  # noqa: PLC0415  bench.probes stays cheap to import

        torch.cuda.reset_peak_memory_stats(device)


def peak_bytes(device: torch.device) -> tuple[int | None, int | None]:
    """Give the peaks since the last reset: live tensors, and segments held; None off CUDA."""
    if device.type != "cuda":
        return None, None
    import torch  # noqa: PLC0415  bench.probes stays cheap to import

    return torch.cuda.max_memory_allocated(device), torch.cuda.max_memory_reserved(device)
