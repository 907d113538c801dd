"""The largest micro-batch of a composition whose forecast fits a device for certain."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.forecasting.cards import smallest_card
from bench.forecasting.largest import largest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bench.forecasting.forecaster import Forecaster
    from bench.plan.train_plan import Strategy
    from bench.records.forecast import Forecast

__all__ = ["MOST_ROWS", "Measured", "MicroBatch", "micro_batch"]

MOST_ROWS = 4096
"""Rows of a forward pass that are looked at, at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MicroBatch:
    """The largest micro-batch of a composition that fits a device for certain."""

    num_rows: int
    """0 where not even one row fits."""
    forecast: Forecast
    """With so many rows; with one where none fits."""
    beyond: Forecast | None
    """With one row more; None where no more were asked for."""

    @property
    def row_bytes(self) -> int | None:
        """What one row more adds at most; None where no more were asked for."""
        return None if self.beyond is None else self.beyond.peak_bytes[1] - self.forecast.peak_bytes[1]

    def num_passes(self, batch_size: int) -> int | None:
        """Return the forward passes of a step on a batch, or of a process on its part; None where not even one row fits."""
        return math.ceil(batch_size / self.num_rows) if self.num_rows else None

    @property
    def smallest_card(self) -> str | None:
        """Of known cards the one with the least memory that one row fits, where none fits here; None where none is known."""
        return None if self.num_rows else smallest_card(self.forecast.memory)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What real steps with several micro-batches of a composition took."""

    peaks: Mapping[int, int | None]
    """Bytes by rows, in the order in which they were tried; None where memory was exhausted."""
    memory_bytes: int
    """That a peak may have."""
    why_none: str | None = None
    """Why nothing, or no more, was tried, in words."""

    @property
    def num_rows(self) -> int | None:
        """The most rows whose peak fitted; None where none did, or nothing was tried."""
        fitted = [rows for rows, peak in self.peaks.items() if peak is not None and peak <= self.memory_bytes]
        return max(fitted, default=None)

    @property
    def peak_bytes(self) -> int | None:
        """The peak with so many rows."""
        return None if self.num_rows is None else self.peaks[self.num_rows]


def micro_batch(
    forecaster: Forecaster, strategies: Sequence[Strategy], memory_bytes: int, *, most: int = MOST_ROWS
) -> MicroBatch:
    """Find the largest micro-batch of one composition, from a few forecasts.

    Args:
        forecaster: Of the model, the rows and the batch.
        strategies: Of the composition.
        memory_bytes: That the highest peak may have.
        most: Rows to look at, at most.

    Raises:
        UsageError, Unsupported: as `Forecaster.forecast` does.

    """
    seen: dict[int, Forecast] = {}

    def peak(num_rows: int) -> int:
        seen[num_rows] = forecaster.in_passes_of(num_rows).forecast(strategies)
        return seen[num_rows].peak_bytes[1]

    num_rows = largest(peak, memory_bytes, most=most, first=min(forecaster.batch_size, most))
    beyond = seen.get(num_rows + 1) if num_rows else None
    return MicroBatch(num_rows=num_rows, forecast=seen[num_rows or 1], beyond=beyond)
