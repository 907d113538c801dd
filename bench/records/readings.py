"""What the instruments of a run read, as parts of its record. None means "not measured here"."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from bench.experiment.bounds import Bytes, Count, Frozen, Lenient, Quantity, Seconds, Share

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["DeviceActivity", "Environment", "HostActivity", "Memory", "MemoryParts", "PhasePeak", "StepParts", "Work"]


class PhasePeak(Frozen):
    """The most memory that one phase of a run took, all its stretches together, in bytes."""

    phase: Literal["load", "train", "evaluate"]
    """Points of the learning curve count to "evaluate", not to the training around them."""
    host_peak_bytes: Bytes | None = None
    torch_allocated_peak_bytes: Bytes | None = None
    torch_reserved_peak_bytes: Bytes | None = None
    nvml_used_peak_bytes: Bytes | None = None
    """The whole device, other processes included."""


MemoryMethod = Literal["nvml-v2", "nvml-v1", "torch-reserved", "kernel-hwm"]
"""NVML's calls of either version, what torch's allocator held, or the kernel's high-water mark of the process."""


class MemoryParts(Frozen):
    """What the peak of training consists of, in bytes.

    Weights, gradients and optimizer state are the sizes of their tensors, and `before_bytes` was
    there before the weights: the interpreter, libraries and data. What is left of the peak are
    activations, temporaries, a filled store and what the allocator holds in vain. It is found by
    subtraction: where the peak falls before all gradients are there, activations are larger.
    """

    source: Literal["host", "torch"]
    """Whose peak it is: of resident memory on a CPU, of live tensors on a GPU."""
    before_bytes: Bytes
    weights_bytes: Bytes
    gradients_bytes: Bytes
    optimizer_bytes: Bytes
    rest_bytes: Bytes
    total_bytes: Bytes
    """The measured peak."""
    spared_bytes: Bytes = 0
    """Read from older records alone, which left out, unasked, gradient and state of tokens that no training row has."""

    @property
    def residual_bytes(self) -> int:
        """What the measured peak lacks for its parts: zero, unless the peak was measured too low."""
        parts = (self.before_bytes, self.weights_bytes, self.gradients_bytes, self.optimizer_bytes, self.rest_bytes)
        return sum(parts) - self.total_bytes


class Memory(Frozen):
    """Peaks over training, in bytes."""

    host_peak_bytes: Bytes | None = None
    """Resident memory of the run's process, by the kernel's own high-water mark."""
    host_before_bytes: Bytes | None = None
    """Of it, what the process held right before the model's weights, and the code of libraries that came in since."""
    host_baseline_bytes: Bytes | None = None
    """Resident memory when training began: weights loaded (each page of them read), nothing trained."""
    host_baseline_anonymous_bytes: Bytes | None = None
    """Of it, what is the process' own."""
    host_baseline_file_bytes: Bytes | None = None
    """Of it, what is mapped from files: libraries, and weights that nothing has changed yet."""
    torch_baseline_bytes: Bytes | None = None
    """Live tensors when training began."""
    torch_allocated_peak_bytes: Bytes | None = None
    torch_reserved_peak_bytes: Bytes | None = None
    nvml_used_peak_bytes: Bytes | None = None
    """The whole device, other processes included."""
    nvml_baseline_bytes: Bytes | None = None
    """The whole device before the run's process touched it."""
    nvml_delta_bytes: Bytes | None = None
    nvml_reserved_bytes: Bytes | None = None
    nvml_num_samples: Count | None = None
    nvml_max_gap_seconds: Seconds | None = None
    nvml_process_bytes: Bytes | None = None
    """Of the run's process alone, at a border of its training; in a container NVML seldom knows."""
    phases: tuple[PhasePeak, ...] | None = None
    parts: MemoryParts | None = None
    """Of the training peak."""
    method: Lenient[MemoryMethod] | None = None
    """Where the headline comes from."""

    @classmethod
    def of_peaks(cls, told: Mapping[str, Any]) -> Memory:
        """Read the peaks that `training_bytes` needs, and no other field, from the memory of another version's record.

        Raises:
            ValidationError: one of them is not a number of bytes.

        """
        return cls(**{name: told.get(name) for name in _HEADLINE_PEAKS})

    @property
    def training_bytes(self) -> int | None:
        """The headline: the peak of training above what was there before the model, of a GPU or of the process on a CPU.

        None where that was not measured, as in records of older versions on a CPU: they know the whole process alone.
        """
        of_gpu = self.torch_reserved_peak_bytes if self.nvml_delta_bytes is None else self.nvml_delta_bytes
        if of_gpu is not None or self.host_peak_bytes is None or self.host_before_bytes is None:
            return of_gpu
        above = self.host_peak_bytes - self.host_before_bytes
        return above if above > 0 else None


_HEADLINE_PEAKS = ("nvml_delta_bytes", "torch_reserved_peak_bytes", "host_peak_bytes", "host_before_bytes")


class StepParts(Frozen):
    """Seconds of a steady step by what they were spent on; together they are the whole step.

    On a GPU they are those of its own stream: a part is long where the device works on it, or
    waits for the host to get on with it.
    """

    data: Seconds
    """Putting the batch together, and on the device; and telling what the step before it did."""
    forward: Seconds
    """With the loss."""
    backward: Seconds
    optimizer: Seconds
    """Clipping, the step, clearing the gradients, and what a strategy does after each step."""
    num_steps: Count
    """Over which these are means."""


class Work(Frozen):
    """How much arithmetic a steady step was, and how fast: products of matrices and nothing else."""

    step_flops: Quantity
    """Mean useful FLOPs of a steady step: without what is made twice."""
    flops_per_second: Quantity
    """Useful FLOPs of the steady steps over their seconds."""
    matmul_flops_per_second: Quantity | None = None
    """At which this machine multiplies matrices of the model's own shapes."""
    mfu: Quantity | None = None
    """Of that rate, the share achieved."""
    datasheet_mfu: Quantity | None = None
    """The share of the datasheet's peak; None where the device is not a known one."""


class HostActivity(Frozen):
    """What else the machine did while the run trained."""

    seconds: Seconds
    """Training, without the points of the learning curve."""
    steal_share: Share | None = None
    """Of the processors' time, what the hypervisor gave to other guests."""
    others_share: Share | None = None
    """Of the processors' time, what other processes of this machine took."""
    swapped_bytes: Bytes | None = None
    """By how much more of this process lay on disk at the ends of the stretches of training."""
    num_allocator_retries: Count | None = None
    """Times that torch's allocator had to give memory back to the GPU to go on."""


class DeviceActivity(Frozen):
    """What a GPU did while the run trained, by NVML."""

    num_samples: Count
    power_watts: Quantity | None = None
    """Mean."""
    energy_joules: Quantity | None = None
    """By the device's own counter; None where a stretch of training was too short for it."""
    sm_clock_mhz: Quantity | None = None
    """Median."""
    first_sm_clock_mhz: Quantity | None = None
    """Median of the first third of the samples."""
    last_sm_clock_mhz: Quantity | None = None
    temperature_celsius: Quantity | None = None
    """The highest."""
    utilisation: Share | None = None
    """Mean share of the time in which any kernel ran: it says little of how busy the device was."""
    throttled_share: Share | None = None
    """Of the samples, those in which the device was slowed down for heat or by its hardware."""
    power_capped_share: Share | None = None
    """Of the samples, those in which the power limit held the clock, as it does under full load."""
    num_foreign_before: Count | None = None
    """Processes of others on the device before the run began."""
    num_foreign_during: Count | None = None
    """The most at the borders of the phases, so as not to disturb the steps."""
    num_foreign_after: Count | None = None


class Environment(Frozen):
    """Where the run took place."""

    host_cpu: str
    num_cores: Count
    num_threads: Count
    host_memory_bytes: Bytes
    platform: str
    python: str
    versions: dict[str, str]
    device_name: str
    device_memory_bytes: Bytes | None = None
    driver: str | None = None
    git_commit: str | None = None
    git_dirty: bool | None = None
    assets: dict[str, str] = Field(default_factory=dict)
    """SHA-256 of the packaged models and data used, by name."""
    settings: dict[str, str] | None = None
    """Of torch, that decide how it computes: threads, precision of matrix products, kernels."""
    config_hash: str | None = None
    """SHA-256 of all that was asked of the run, seed and strategy included."""
