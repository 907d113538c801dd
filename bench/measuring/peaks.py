"""Peak memory of every phase of a run: the peaks are reset whenever another phase begins."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from bench.measuring import host_memory, torch_memory
from bench.records.readings import Memory, PhasePeak

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch

    Name = Literal["load", "train", "evaluate"]

__all__ = ["Peaks", "peak_so_far"]


MAX_GROWTH = 1 / 100
"""Growth by unmeasured work, as a share of the memory held, above which memory is released."""


class Peaks:
    """The peak of each phase over all the times that it was entered; a run begins with loading."""

    def __init__(self, device: torch.device) -> None:
        """Watch the memory of this process and, on a GPU, of torch's allocator on `device`."""
        self._device = device
        self._baseline = Memory()
        self._before: int | None = None
        """Bytes held right before the weights were loaded, without the code of libraries."""
        self._code: int | None = None
        """Bytes of the code of libraries at the end of training."""
        self._peaks: dict[Name, PhasePeak] = {}
        self._phase: Name | None = "load"

    def before_weights(self) -> None:
        """Note what the process holds besides the model: call it right before the weights are read."""
        code = host_memory.code_bytes()
        host_memory.release_free_memory()
        held = host_memory.resident_bytes()
        self._before = None if held is None or code is None else held - code

    def enter(self, phase: Name) -> None:
        """Begin a phase, which ends the present one. The baseline is the memory held when training first begins."""
        self._close()
        if phase != "train" and "train" in self._peaks:
            self._code = host_memory.code_bytes()
        # What one phase left behind must not count for the next.
        host_memory.release_free_memory()
        if phase == "train":
            torch_memory.release_free_memory(self._device)
        if phase == "train" and phase not in self._peaks:
            self._baseline = Memory(
                host_baseline_bytes=host_memory.resident_bytes(),
                host_baseline_anonymous_bytes=host_memory.anonymous_bytes(),
                host_baseline_file_bytes=host_memory.file_bytes(),
                torch_baseline_bytes=torch_memory.allocated_bytes(self._device),
            )
        host_memory.reset_peak()
        torch_memory.reset_peak(self._device)
        self._phase = phase

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Leave what runs inside the `with` out of the peaks.

        Memory is released afterwards only where it grew much: the phase would have to allocate again, on its own
        clock, what it had kept for itself.
        """
        phase, before = self._phase, self._held()
        self._close()
        yield
        if self._held() > (1 + MAX_GROWTH) * before:
            host_memory.release_free_memory()
            torch_memory.release_free_memory(self._device)
        host_memory.reset_peak()
        torch_memory.reset_peak(self._device)
        self._phase = phase

    def _held(self) -> int:
        """Return the bytes held on the device, in use or not."""
        reserved = torch_memory.reserved_bytes(self._device)
        return (host_memory.resident_bytes() or 0) if reserved is None else reserved

    def include(self, peak: PhasePeak) -> None:
        """Include a peak of another process in its phase: of work that this run reuses, and is billed for."""
        self._peaks[peak.phase] = _larger_of(self._peaks.get(peak.phase, peak), peak)

    def end(self) -> Memory:
        """End the present phase, if there is one, and return the peaks so far: those of training, and all by phase."""
        self._close()
        phases = tuple(self._peaks.values())
        if "train" not in self._peaks:
            return self._baseline.model_copy(update={"phases": phases})
        peaks = self._peaks["train"].model_dump(exclude={"phase", "nvml_used_peak_bytes"})
        if self._before is not None:
            # Code that training was the first to load counts as there before: it is the same for every strategy.
            self._code = host_memory.code_bytes() if self._code is None else self._code
            peaks["host_before_bytes"] = None if self._code is None else self._before + self._code
        method = "torch-reserved" if peaks["torch_reserved_peak_bytes"] is not None else "kernel-hwm"
        return self._baseline.model_copy(update={**peaks, "phases": phases, "method": method})

    def _close(self) -> None:
        if self._phase is None:
            return
        self.include(peak_so_far(self._phase, self._device))
        self._phase = None


def peak_so_far(phase: Name, device: torch.device) -> PhasePeak:
    """Read the peaks since the last reset, as those of `phase`."""
    allocated, reserved = torch_memory.peak_bytes(device)
    return PhasePeak(
        phase=phase,
        host_peak_bytes=host_memory.peak_bytes(),
        torch_allocated_peak_bytes=allocated,
        torch_reserved_peak_bytes=reserved,
    )


def _larger_of(one: PhasePeak, other: PhasePeak) -> PhasePeak:
    largest = {}
    for name in ("host_peak_bytes", "torch_allocated_peak_bytes", "torch_reserved_peak_bytes"):
        known = [value for value in (getattr(one, name), getattr(other, name)) if value is not None]
        largest[name] = max(known, default=None)
    return one.model_copy(update=largest)
