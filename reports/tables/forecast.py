"""What was told of each strategy before it ran, beside what was measured then: the columns of a table, and notes on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.analysis.deployment import on_gpu
from bench.analysis.words.numbers import NOT_MEASURED, measured, percent, percent_change
from bench.records.metrics import METRICS, format_bytes

from .cells import Cell, one_line
from .columns import Column

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bench.analysis.comparison import Comparison
    from bench.analysis.strategy_result import StrategyResult
    from bench.records.forecast import Forecast

__all__ = ["forecast_columns", "forecast_notes", "forecast_results"]

_MEMORY, _TIME = "training_memory_bytes", "train_seconds"


def forecast_results(comparison: Comparison) -> tuple[StrategyResult, ...]:
    """The strategies of which anything was told, run or not."""
    return tuple(result for result in comparison.arrangement.all if result.forecast)


def forecast_columns(comparison: Comparison) -> tuple[Column, ...]:
    """Memory and time with their errors, then the parts of the memory."""
    is_timed = any(result.means["forecast_low_seconds"] is not None for result in comparison.results)
    time = _beside("time", _TIME, "forecast_time_error", ("forecast_low_seconds", "forecast_high_seconds"))
    return (
        *_beside("peak", _MEMORY, "forecast_memory_error", ("forecast_low_bytes", "forecast_high_bytes")),
        *(time if is_timed else ()),
        *map(_part, ("weights_bytes", "gradients_bytes", "optimizer_bytes")),
        Column(
            "activations, temporary", "forecast, at the peak", lambda result: Cell(format_bytes(_rest(result))), _rest
        ),
        Column(
            "context and allocator" if _is_gpu(comparison) else "heap",
            "forecast; measured is the peak less the forecast tensors",
            lambda result: Cell(_between(_forecast(result).overhead_bytes, format_bytes), _beyond_tensors(result)),
            _added,
        ),
    )


def forecast_notes(comparison: Comparison) -> tuple[str, ...]:
    """Say what the table holds, what of it is unproven, and of what nothing was told; empty where nothing was asked for."""
    return tuple(_notes(comparison))


def _notes(comparison: Comparison) -> Iterator[str]:
    told = forecast_results(comparison)
    if told:
        yield (
            "Told before each strategy ran: the code that trains took its steps on tensors without numbers. The error is by how much the "
            "middle of a forecast is above what was measured, or below; beneath it that of both its ends."
        )
        yield "Parts are those of the moment of the peak; measured are all such tensors, which need not live at that moment together."
        if all(_forecast(result).seconds is None for result in told):
            yield "Time is told once bench doctor or bench forecast has measured how fast this machine is."
    shares = [share for result in told if (share := _share_added(result)) is not None]
    if shares and not _is_gpu(comparison):
        yield (
            "A process on a CPU grows by more than its tensors: the C library's heap keeps what was freed between them, by this "
            f"forecast {_between((min(shares), max(shares)), percent)} of the growth here."
        )
    for doubt in dict.fromkeys(doubt for result in told for doubt in _forecast(result).unproven):
        yield f"Unproven: {doubt}."
    for result in comparison.arrangement.all:
        if result.why_no_forecast:
            yield f"No forecast of {result.strategy}: {one_line(result.why_no_forecast).rstrip('.')}."


def _beside(name: str, metric: str, error: str, ends: tuple[str, str]) -> tuple[Column, ...]:
    """What was told, what was measured, and how far the middle of the one is off the other."""

    def told(result: StrategyResult) -> tuple[float, float] | None:
        low, high = (result.means[end] for end in ends)
        return None if low is None or high is None else (low, high)

    def off(result: StrategyResult) -> Cell:
        middle, found, bounds = result.means[error], result.means[metric], told(result)
        if middle is None or bounds is None or not found:
            return Cell(NOT_MEASURED)
        low, high = (end / found - 1 for end in bounds)
        beyond = "" if low <= 0 <= high else "beyond the forecast"
        return Cell(percent_change(middle), beyond, _between((low, high), percent_change))

    kind = METRICS[metric]
    return (
        Column(
            f"{name}, forecast",
            "at least and at most",
            lambda result: Cell(_between(told(result), kind.format)),
            lambda result: result.means[ends[0]],
        ),
        Column(
            f"{name}, measured",
            kind.description,
            lambda result: Cell(measured(kind, result.means[metric])),
            lambda result: result.means[metric],
        ),
        Column(f"error of the {name}", "of the middle; of both ends", off, lambda result: result.means[error]),
    )


def _part(metric: str) -> Column:
    def value(result: StrategyResult) -> int:
        size: int = getattr(_forecast(result).memory, metric)
        return size

    def cell(result: StrategyResult) -> Cell:
        found = result.means[metric]
        return Cell(format_bytes(value(result)), "" if found is None else f"measured {format_bytes(found)}")

    return Column(METRICS[metric].label, "forecast, at the peak", cell, value)


def _rest(result: StrategyResult) -> int:
    memory = _forecast(result).memory
    return memory.activations_bytes + memory.temporaries_bytes


def _added(result: StrategyResult) -> float | None:
    """What was measured beyond the tensors of the forecast; negative where those were too many."""
    peak = result.means[_MEMORY]
    return None if peak is None else peak - _forecast(result).memory.peak_bytes


def _share_added(result: StrategyResult) -> float | None:
    """The same as a share of the peak; None where there is none."""
    added, peak = _added(result), result.means[_MEMORY]
    return added / peak if added and peak and added > 0 else None


def _beyond_tensors(result: StrategyResult) -> str:
    added, share = _added(result), _share_added(result)
    if added is None:
        return ""
    return "measured none" if share is None else f"measured {format_bytes(added)}, {percent(share)} of the peak"


def _forecast(result: StrategyResult) -> Forecast:
    assert result.forecast is not None  # of every row of the table
    return result.forecast


def _is_gpu(comparison: Comparison) -> bool:
    return any(map(on_gpu, comparison.records))


def _between(bounds: tuple[float, float] | None, write: Callable[[float], str]) -> str:
    return NOT_MEASURED if bounds is None else " to ".join(dict.fromkeys(map(write, bounds)))
