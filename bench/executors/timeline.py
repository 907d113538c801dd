"""The samples of a GPU during a run, and their summary for each phase."""

from __future__ import annotations

import math
from array import array
from itertools import pairwise
from statistics import fmean, median
from typing import TYPE_CHECKING, NamedTuple

import pynvml  # type: ignore[import-untyped]

from bench.records.readings import DeviceActivity

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bench.measuring.nvml import DeviceState

__all__ = ["PhaseReading", "Span", "Timeline"]

MIN_ENERGY_SECONDS = 2.0
"""The energy counter moves only every 20 to 100 ms: over a shorter time its error is several percent."""
THROTTLED = (
    pynvml.nvmlClocksEventReasonHwSlowdown
    | pynvml.nvmlClocksEventReasonSwThermalSlowdown
    | pynvml.nvmlClocksEventReasonHwThermalSlowdown
    | pynvml.nvmlClocksEventReasonHwPowerBrakeSlowdown
)
POWER_CAPPED = pynvml.nvmlClocksEventReasonSwPowerCap


class Span(NamedTuple):
    """The start and end of a phase, by the monotonic clock."""

    start: float
    end: float


_ALWAYS = Span(-math.inf, math.inf)


class PhaseReading(NamedTuple):
    """What is read only where a phase begins or ends."""

    at: float
    energy_joules: float | None
    num_foreign: int | None
    """Processes on the device that are not the run's."""
    own_bytes: int | None
    """Memory of the run's own process."""


class Timeline:
    """Samples and the phases that they fall into; each kind is written by one thread, and read at the end."""

    def __init__(self) -> None:
        """Begin without a phase."""
        self._marks: list[tuple[float, str]] = []
        self._memory: list[tuple[float, int]] = []
        self._states: list[tuple[float, DeviceState]] = []
        self._readings: list[PhaseReading] = []
        self._times = array("d")
        """Moments of all samples of the memory, and of the end."""
        self.num_samples = 0

    def enter(self, phase: str, at: float) -> None:
        """Begin a phase; the one before ends."""
        self._marks.append((at, phase))

    def add_memory(self, at: float, used_bytes: int) -> None:
        """Note a sample of the memory; only changes are kept."""
        self._times.append(at)
        self.num_samples += 1
        if not self._memory or self._memory[-1][1] != used_bytes:
            self._memory.append((at, used_bytes))

    def end(self, at: float) -> None:
        """End sampling; if the memory was not read up to here, that is a gap."""
        self._times.append(at)

    @property
    def max_gap_seconds(self) -> float:
        """The longest time without a sample of the memory, in training if the run reached it."""
        spans = self.spans("train") or [_ALWAYS]
        return max(
            (
                min(later, span.end) - max(earlier, span.start)
                for earlier, later in pairwise(self._times)
                for span in spans
            ),
            default=0.0,
        )

    def add_state(self, at: float, state: DeviceState) -> None:
        """Note a sample of power, clock and the like."""
        self._states.append((at, state))

    def add_reading(self, reading: PhaseReading) -> None:
        """Note what was read where a phase begins or ends."""
        self._readings.append(reading)

    def spans(self, phase: str) -> list[Span]:
        """List the times of a phase; the last phase has no end."""
        ends = [at for at, _ in self._marks[1:]] + [math.inf]
        return [Span(at, end) for (at, name), end in zip(self._marks, ends, strict=False) if name == phase]

    def peak_bytes(self, phase: str | None = None) -> int | None:
        """Return the most memory in use in a phase, or at any time; a sample holds until the next change."""
        spans = self.spans(phase) if phase else [_ALWAYS]
        ends = [at for at, _ in self._memory[1:]] + [math.inf]
        held = zip(self._memory, ends, strict=False)
        return max(
            (used for (at, used), end in held if any(at < it.end and end > it.start for it in spans)), default=None
        )

    def own_bytes(self) -> int | None:
        """Return the most that the run's own process held where a phase began or ended."""
        return max((it.own_bytes for it in self._readings if it.own_bytes is not None), default=None)

    def activity(self) -> DeviceActivity:
        """Summarise what the device did in training."""
        spans = self.spans("train")
        states = [state for at, state in self._states if any(it.start <= at < it.end for it in spans)]
        clocks = _known(state.sm_clock_mhz for state in states)
        reasons = [state.event_reasons for state in states if state.event_reasons is not None]
        third = max(1, len(clocks) // 3)
        return DeviceActivity(
            num_samples=len(states),
            power_watts=_mean(_known(state.power_watts for state in states)),
            energy_joules=self._energy(spans),
            sm_clock_mhz=median(clocks) if clocks else None,
            first_sm_clock_mhz=median(clocks[:third]) if clocks else None,
            last_sm_clock_mhz=median(clocks[-third:]) if clocks else None,
            temperature_celsius=max(_known(state.temperature_celsius for state in states), default=None),
            utilisation=_mean(_known(state.utilisation for state in states)),
            throttled_share=_mean([float(bits & THROTTLED != 0) for bits in reasons]),
            power_capped_share=_mean([float(bits & POWER_CAPPED != 0) for bits in reasons]),
            num_foreign_before=self._readings[0].num_foreign if self._readings else None,
            num_foreign_during=max(
                (it.num_foreign for it in self._readings[1:-1] if it.num_foreign is not None), default=None
            ),
            num_foreign_after=self._readings[-1].num_foreign if self._readings else None,
        )

    def _energy(self, spans: Sequence[Span]) -> float | None:
        """Add up the energy of all spans; None where one is unknown or too short, or the counter was reset in it."""
        taken = []
        for span in spans:
            first = next((it for it in self._readings if it.at >= span.start), None)
            last = next((it for it in self._readings if it.at >= span.end), None)
            if first is None or last is None or first.energy_joules is None or last.energy_joules is None:
                return None
            joules = last.energy_joules - first.energy_joules
            if last.at - first.at < MIN_ENERGY_SECONDS or joules < 0:
                return None
            taken.append(joules)
        return sum(taken) if taken else None


def _known(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def _mean(values: Sequence[float]) -> float | None:
    return fmean(values) if values else None
