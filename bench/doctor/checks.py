"""Compares measurements with values that are known in advance."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from bench.records.metrics import format_bytes, format_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bench.records.record import Measurement

__all__ = ["MOMENT_SECONDS", "TOLERANCE", "Check", "arithmetic", "billing", "memory", "pace"]

TOLERANCE = 0.02
"""The largest relative error of an instrument that passes."""
MOMENT_SECONDS = 0.01
"""How late a message of a run may arrive, which is no error of the clock that it is compared with."""


@dataclass(frozen=True, slots=True)
class Check:
    """One instrument and a value known in advance."""

    instrument: str
    expected: float
    measured: float | None
    """None where this machine cannot measure it."""
    format: Callable[[float], str]
    slack: float = 0.0
    """By how much the known value itself may be wrong, in its unit: such an error passes."""

    @property
    def error(self) -> float | None:
        """The relative error of the measurement."""
        return None if self.measured is None else abs(self.measured / self.expected - 1)

    @property
    def passes(self) -> bool | None:
        """Whether the error is small enough; None where nothing was measured."""
        return None if self.error is None else self.error <= max(TOLERANCE, self.slack / self.expected)


def pace(paced: Measurement, *, seconds: float, rows: int, tokens: int) -> Iterator[Check]:
    """Check times and rates on steps of known duration, each of `rows` rows with `tokens` tokens in all."""
    steps = paced.num_steps
    yield Check("step time, median", seconds, median(paced.step_seconds[paced.num_warmup_steps :]), format_seconds)
    yield Check("training time", steps * seconds, paced.train_seconds, format_seconds)
    yield Check("throughput", rows / seconds, paced.samples_per_second, _per_second)
    yield Check("steady throughput", rows / seconds, paced.steady_samples_per_second, _per_second)
    yield Check("steady tokens", tokens / seconds, paced.steady_tokens_per_second, _per_second)
    yield Check("tokens per step", steps * tokens, paced.num_tokens, "{:,.0f}".format)


def memory(plain: Measurement, hoarding: Measurement, *, num_bytes: int) -> Iterator[Check]:
    """Check peaks of training on a run that takes `num_bytes` more than another, and even more in evaluation."""
    on_gpu = hoarding.memory.torch_allocated_peak_bytes is not None
    for instrument, field, is_of_gpu in (
        ("host memory, kernel's high-water mark", "host_peak_bytes", False),
        ("GPU memory, NVML", "nvml_delta_bytes", True),
        ("GPU memory, torch's allocator", "torch_allocated_peak_bytes", True),
    ):
        peaks = [getattr(one.memory, field) for one in (plain, hoarding)]
        bases = [(one.memory.host_baseline_bytes or 0) if not is_of_gpu else 0 for one in (plain, hoarding)]
        known = on_gpu == is_of_gpu and None not in peaks
        grown = peaks[1] - bases[1] - (peaks[0] - bases[0]) if known else None
        yield Check(instrument, num_bytes, grown, format_bytes)


def billing(cached: Measurement, *, seconds: float) -> Check:
    """Check the billed time against the wall clock outside the run, between the messages of its phases."""
    return Check("billed time, cache included", seconds, cached.train_seconds, format_seconds, MOMENT_SECONDS)


def arithmetic(measured: Measurement, *, strategy: str, flops: int) -> Check:
    """Check the counted FLOPs against those computed by hand."""
    counted = measured.work.step_flops if measured.work else None
    return Check(f"FLOPs per step, {strategy}", flops, counted, lambda value: f"{value / 1e9:.4g} GFLOP")


def _per_second(value: float) -> str:
    return f"{value:,.4g}/s"
