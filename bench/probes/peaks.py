"""Peak memory of training alone: the peaks start anew whenever training goes on after something else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.probes import host, torch_memory
from bench.record import Memory

if TYPE_CHECKING:
    import torch

__all__ = ["TrainingPeaks"]


class TrainingPeaks:
    """The largest of the peaks of every stretch between `begin` and `end`."""

    def __init__(self, device: torch.device) -> None:
        """Watch the memory of this process and, on a GPU, of torch's allocator on `device`."""
        self._device = device
        self._memory = Memory()
        self._running = False

    def begin(self) -> None:
        """Forget what was the peak until now; training begins or goes on."""
        if self._memory.host_baseline_bytes is None:
            self._memory = self._memory.model_copy(update={"host_baseline_bytes": host.resident_bytes()})
        host.reset_peak()
        torch_memory.reset_peak(self._device)
        self._running = True

    def end(self) -> Memory:
        """Add the present stretch, if one is running, and return the peaks so far."""
        if self._running:
            allocated, reserved = torch_memory.peak_bytes(self._device)
            stretch = {
                "host_peak_bytes": host.peak_bytes(),
                "torch_allocated_peak_bytes": allocated,
                "torch_reserved_peak_bytes": reserved,
            }
            peaks = {name: _larger(getattr(self._memory, name), value) for name, value in stretch.items()}
            method = "torch-reserved" if reserved is not None else "kernel-hwm"
            self._memory = self._memory.model_copy(update={**peaks, "method": method})
            self._running = False
        return self._memory


def _larger(one: int | None, other: int | None) -> int | None:
    return max((value for value in (one, other) if value is not None), default=None)
