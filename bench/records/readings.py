"""The readings of a run's instruments, as parts of its record; None means "not measured"."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, model_validator

from bench.experiment.bounds import Bytes, Count, Frozen, Lenient, Quantity, Seconds, Share
from bench.records.evaluation import agree

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "DeviceActivity",
    "Environment",
    "HostActivity",
    "Memory",
    "MemoryParts",
    "PhasePeak",
    "RankReadings",
    "StepParts",
    "Work",
]


class PhasePeak(Frozen):
    """Peak memory of one phase of a run, over all the times that it was entered, in bytes."""

    phase: Literal["load", "train", "evaluate"]
    """Points of the learning curve belong to "evaluate"."""
    host_peak_bytes: Bytes | None = None
    torch_allocated_peak_bytes: Bytes | None = None
    torch_reserved_peak_bytes: Bytes | None = None
    nvml_used_peak_bytes: Bytes | None = None
    """The whole device, other processes included."""


MemoryMethod = Literal["nvml-v2", "nvml-v1", "torch-reserved", "kernel-hwm"]
"""NVML's calls of either version, what torch's allocator held, or the kernel's high-water mark of the process."""


class MemoryParts(Frozen):
    """The parts of the training peak, in bytes.

    Weights, gradients and optimizer state, to which an average of the weights counts, are the sizes of their tensors;
    `before_bytes` is what the process held before the weights: the interpreter, libraries and data. The rest is
    activations, temporaries, the activation cache and unused memory of the allocator. It is found by subtraction: where
    the peak comes before all gradients exist, activations are larger than it.
    """

    source: Literal["host", "torch"]
    """Of which peak: of resident memory on a CPU, or of live tensors on a GPU."""
    before_bytes: Bytes
    weights_bytes: Bytes
    gradients_bytes: Bytes
    optimizer_bytes: Bytes
    rest_bytes: Bytes
    total_bytes: Bytes
    """The measured peak."""
    spared_bytes: Bytes = 0
    """In older records alone, which left out gradient and state of tokens without a training row, whatever the plan."""

    @property
    def residual_bytes(self) -> int:
        """The sum of the parts minus the measured peak: zero, unless the peak was measured too low."""
        parts = (self.before_bytes, self.weights_bytes, self.gradients_bytes, self.optimizer_bytes, self.rest_bytes)
        return sum(parts) - self.total_bytes


class Memory(Frozen):
    """Peaks over training, in bytes."""

    host_peak_bytes: Bytes | None = None
    """Resident memory of the run's process: the kernel's high-water mark."""
    host_before_bytes: Bytes | None = None
    """Part of host_peak_bytes: held right before the model's weights were loaded, and library code loaded since."""
    host_baseline_bytes: Bytes | None = None
    """Resident memory when training began, with every page of the weights read."""
    host_baseline_anonymous_bytes: Bytes | None = None
    """Part of host_baseline_bytes: anonymous memory."""
    host_baseline_file_bytes: Bytes | None = None
    """Part of host_baseline_bytes: mapped from files, such as libraries and unchanged weights."""
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
    """Of the run's process alone, when training begins and ends; in a container NVML seldom knows it."""
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
        """The headline: the training peak of the GPU above its baseline, or of the process above what it held before the model.

        None where that was not measured, as on a CPU in records of older versions, which hold the peak of the process alone.
        """
        of_gpu = self.torch_reserved_peak_bytes if self.nvml_delta_bytes is None else self.nvml_delta_bytes
        if of_gpu is not None or self.host_peak_bytes is None or self.host_before_bytes is None:
            return of_gpu
        above = self.host_peak_bytes - self.host_before_bytes
        return above if above > 0 else None


_HEADLINE_PEAKS = ("nvml_delta_bytes", "torch_reserved_peak_bytes", "host_peak_bytes", "host_before_bytes")


class StepParts(Frozen):
    """Mean seconds of a steady step by part; their sum is the whole step.

    On a GPU they are times of its stream: a part is long where the device computes it, or waits for the host.
    """

    data: Seconds
    """Assembling the batch and moving it to the device, and reporting the step before."""
    forward: Seconds
    """With the loss."""
    backward: Seconds
    optimizer: Seconds
    """Clipping, optimizer step, zeroing gradients, and what a strategy does after each step."""
    num_steps: Count
    """Number of steps in the means."""
    communication: Seconds | None = None
    """Summing gradients over ranks after the backward pass, which hides the rest of it, and waiting for the slowest; None in a run of one process."""


class RankReadings(Frozen):
    """Of a run with several processes, whose other numbers are of all: times of the slowest, memory of the largest."""

    num: Count
    peak_bytes: tuple[Bytes | None, ...]
    """The headline of each rank's memory, in the order of ranks; the largest is that of the run."""

    @model_validator(mode="after")
    def _has_every_rank(self) -> Self:
        agree("peak_bytes", len(self.peak_bytes), "num", self.num)
        return self


class Work(Frozen):
    """The arithmetic of a steady step and its rate: matmuls alone."""

    step_flops: Quantity
    """Mean useful FLOPs of a steady step, without recomputation."""
    flops_per_second: Quantity
    """Useful FLOPs of the steady steps over their seconds."""
    matmul_flops_per_second: Quantity | None = None
    """The rate of this machine at matmuls of the model's shapes."""
    mfu: Quantity | None = None
    """flops_per_second as a share of matmul_flops_per_second; None where that is in doubt."""
    datasheet_mfu: Quantity | None = None
    """flops_per_second as a share of the datasheet's peak; None for an unknown device."""


class HostActivity(Frozen):
    """What else the machine did while the run trained."""

    seconds: Seconds
    """Observed time: training without the points of the learning curve."""
    steal_share: Share | None = None
    """Share of the processors' time that the hypervisor gave to other guests."""
    others_share: Share | None = None
    """Share of the processors' time that other processes of this machine took."""
    swapped_bytes: Bytes | None = None
    """Growth of this process' swapped memory during training."""
    num_allocator_retries: Count | None = None
    """Times that torch's allocator had to free cached memory and retry."""


class DeviceActivity(Frozen):
    """What a GPU did while the run trained, by NVML."""

    num_samples: Count
    power_watts: Quantity | None = None
    """Mean."""
    energy_joules: Quantity | None = None
    """By the device's own counter; None where training was too short for it."""
    sm_clock_mhz: Quantity | None = None
    """Median."""
    first_sm_clock_mhz: Quantity | None = None
    """Median of the first third of the samples."""
    last_sm_clock_mhz: Quantity | None = None
    temperature_celsius: Quantity | None = None
    """The highest."""
    utilisation: Share | None = None
    """Mean share of the time in which any kernel ran, which says little about the load of the device."""
    throttled_share: Share | None = None
    """Share of samples in which the device was slowed down by heat or its hardware."""
    power_capped_share: Share | None = None
    """Share of samples in which the power limit held the clock down, as is usual under full load."""
    num_foreign_before: Count | None = None
    """Processes of others on the device before the run began."""
    num_foreign_during: Count | None = None
    """The most that were counted between phases; counting during steps would disturb them."""
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
    """SHA-256 of the packaged models and data that were used, by name."""
    settings: dict[str, str] | None = None
    """Settings of torch that decide how it computes: threads, matmul precision, kernels."""
    config_hash: str | None = None
    """SHA-256 of the RunSpec, with seed and strategy."""
