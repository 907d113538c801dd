"""What a known answer should be, what was measured, and how far apart they are."""

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
"""How long a message of a run may be under way: no error of the clock that it is held against."""


@dataclass(frozen=True, slots=True)
class Check:
    """One instrument held against a known answer."""

    instrument: str
    expected: float
    measured: float | None
    """None where this machine cannot measure it."""
    format: Callable[[float], str]
    slack: float = 0.0
    """An error that counts as none, in the unit of the answer: by so much the answer itself may be wrong."""

    @property
    def error(self) -> float | None:
        """How far the measurement is from the answer, relative to it."""
        return None if self.measured is None else abs(self.measured / self.expected - 1)

    @property
    def passes(self) -> bool | None:
        """Whether the error is small enough; None where nothing was measured."""
        return None if self.error is None else self.error <= max(TOLERANCE, self.slack / self.expected)


def pace(paced: Measurement, *, seconds: float, rows: int, tokens: int) -> Iterator[Check]:
    """Hold times and rates against steps of known length: `rows` of them, with `tokens` in all."""
    steps = paced.num_steps
    yield Check("step time, median", seconds, median(paced.step_seconds[paced.num_warmup_steps :]), format_seconds)
    yield Check("training time", steps * seconds, paced.train_seconds, format_seconds)
    yield Check("throughput", rows / seconds, paced.samples_per_second, _per_second)
    yield Check("steady throughput", rows / seconds, paced.steady_samples_per_second, _per_second)
    yield Check("steady tokens", tokens / seconds, paced.steady_tokens_per_second, _per_second)
    yield Check("tokens per step", steps * tokens, paced.num_tokens, "{:,.0f}".format)


def memory(plain: Measurement, hoarding: Measurement, *, num_bytes: int) -> Iterator[Check]:
    """Hold peaks of training against those of a run that takes `num_bytes` more, and more again in evaluation."""
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
    """Hold what was billed against the wall clock between the phases of the run, seen from outside."""
    return Check("billed time, cache included", seconds, cached.train_seconds, format_seconds, MOMENT_SECONDS)


def arithmetic(measured: Measurement, *, strategy: str, flops: int) -> Check:
    """Hold the FLOPs that were counted against those that are made."""
    counted = measured.work.step_flops if measured.work else None
    return Check(f"FLOPs per step, {strategy}", flops, counted, _flops)


def _flops(value: float) -> str:
    return f"{value / 1e9:.4g} GFLOP"


def _per_second(value: float) -> str:
    return f"{value:,.4g}/s"
