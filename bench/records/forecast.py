"""What a run was expected to take, before it: a part of its record. None means "not forecast"."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from bench.experiment.bounds import MAX_INTEGER, Bytes, Count, Frozen, Quantity, Seconds

__all__ = ["Forecast", "ForecastMemory"]


class ForecastMemory(Frozen):
    """The parts of the expected peak of training, in bytes of tensors."""

    weights_bytes: Bytes
    """Quantised ones with their scales, and tables that a pass looks up."""
    gradients_bytes: Bytes
    optimizer_bytes: Bytes
    """State of the optimizer, and an average of the weights."""
    activations_bytes: Bytes
    """What a forward pass leaves to the backward pass; on a CPU the activation cache too."""
    temporaries_bytes: Bytes
    """What comes and goes within a pass."""

    @property
    def peak_bytes(self) -> int:
        """The sum of the parts."""
        held = self.weights_bytes + self.gradients_bytes + self.optimizer_bytes
        return held + self.activations_bytes + self.temporaries_bytes


class Forecast(Frozen):
    """What a run is expected to take on a device."""

    device: str
    """For which it is, by name."""
    num_params: Count
    num_trainable_params: Count
    """The largest number that train at once."""
    memory: ForecastMemory
    overhead_bytes: tuple[Bytes, Bytes] | None = None
    """What the device and its allocator take beyond tensors, at least and at most."""
    step_flops: Quantity | None = None
    """Useful FLOPs of the step that is forecast, without recomputation."""
    seconds: tuple[Seconds, Seconds] | None = None
    """Of the whole training, at least and at most."""
    run_seconds: tuple[Seconds, Seconds] | None = None
    """Of the whole run, with its start, loading and evaluation, at least and at most."""
    unproven: tuple[str, ...] = ()
    """What of it nobody has checked on such a device, in words."""

    @property
    def peak_bytes(self) -> tuple[int, int]:
        """The expected peak of the device's memory, at least and at most."""
        low, high = self.overhead_bytes or (0, 0)
        return self.memory.peak_bytes + low, self.memory.peak_bytes + high

    @model_validator(mode="after")
    def _is_of_some_memory(self) -> Self:
        if max(self.peak_bytes) > MAX_INTEGER:
            raise ValueError("the parts of the memory come to more bytes than can be counted")
        return self
