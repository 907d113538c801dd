"""The metrics of one record, by their names in `bench.records.metrics.METRICS`; None is "not measured"."""

from __future__ import annotations

import math
from functools import cache
from itertools import repeat
from statistics import median
from typing import TYPE_CHECKING, Protocol

from bench.records.flags import is_timed
from bench.records.metrics import METRICS, WITHOUT_TIMES
from bench.records.record import Memory

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pydantic import BaseModel

    from bench.records.forecast import Forecast
    from bench.records.readings import PhasePeak, RankReadings, StepParts
    from bench.records.record import Measurement, RunRecord

__all__ = ["error_of", "seconds_to_accuracy", "values_of"]


def values_of(record: RunRecord) -> dict[str, float | None]:
    """Return every metric of a record; of a run that ended badly, the memory peaks alone, of one in several parts neither times nor memory."""
    measured = record.measured
    memory = (measured.memory if measured else record.memory) or Memory()
    values: dict[str, float | None] = dict.fromkeys(METRICS)
    values |= _named(memory)
    values |= {f"{it.phase}_peak_bytes": _peak(it) for it in memory.phases or () if it.phase != "train"}
    values |= _named(memory.parts)
    values["training_memory_bytes"] = memory.training_bytes
    values["num_processes"] = record.spec.num_processes
    values |= _finished(measured) if measured else {}
    values |= _forecast(record.forecast, measured) if record.forecast else {}
    if not is_timed(record.flags):
        values |= dict.fromkeys(values.keys() - WITHOUT_TIMES)
    return values


def error_of(told: tuple[float, float], measured: float | None) -> float | None:
    """Return the share by which the middle of what was told, of its bounds by their ratio, is above what was measured.

    Negative where it is below; None where nothing was measured, or nothing told.
    """
    middle = math.sqrt(told[0] * told[1])
    return middle / measured - 1 if measured and middle else None


class _Point(Protocol):
    @property
    def seconds(self) -> float: ...
    @property
    def accuracy(self) -> float: ...


def seconds_to_accuracy(curve: Iterable[_Point], target: float) -> float | None:
    """Return the training time, in seconds, of the first point of a learning curve that reaches `target`, or None."""
    return next((point.seconds for point in curve if point.accuracy >= target), None)


def _finished(measured: Measurement) -> dict[str, float | None]:
    steady = sorted(measured.step_seconds[measured.num_warmup_steps :])
    evaluation = measured.evaluation
    return {
        **_named(measured),
        **_named(measured.work),
        **_named(measured.device),
        **(_by_part(measured.step_parts) if measured.step_parts else {}),
        **(_of_ranks(measured.ranks) if measured.ranks else {}),
        "accuracy": evaluation.accuracy,
        "macro_f1": evaluation.macro_f1,
        "balanced_accuracy": evaluation.balanced_accuracy,
        "eval_loss": evaluation.loss,
        "eval_seconds": evaluation.seconds,
        "eval_samples_per_second": _rate(evaluation.num_samples, evaluation.seconds),
        "merged_eval_samples_per_second": _rate(evaluation.num_samples, evaluation.merged_seconds),
        "step_seconds_median": median(steady) if steady else None,
        "step_seconds_p10": _decile(steady, 1),
        "step_seconds_p90": _decile(steady, 9),
        "seconds_above_chance": _seconds_above_chance(measured),
    }


def _by_part(parts: StepParts) -> dict[str, float | None]:
    """Return the seconds of each part of a step, and of what share of it processes spent on each other."""
    names = ("data", "forward", "backward", "optimizer", "communication")
    seconds: dict[str, float | None] = {f"{name}_seconds": getattr(parts, name) for name in names}
    total = sum(filter(None, seconds.values()))
    share = None if parts.communication is None or not total else parts.communication / total
    return {**seconds, "communication_share": share}


def _of_ranks(ranks: RankReadings) -> dict[str, float | None]:
    """Return what tells how unlike the memory of processes is; None where that of any is not known."""
    known = [peak for peak in ranks.peak_bytes if peak is not None]
    return {"smallest_rank_bytes": min(known) if known and len(known) == len(ranks.peak_bytes) else None}


def _forecast(forecast: Forecast, measured: Measurement | None) -> dict[str, float | None]:
    """Return what was told before a run, and how far that was from what was measured."""
    (low, high), seconds = forecast.peak_bytes, forecast.seconds
    memory = measured.memory if measured else Memory()
    # Of a GPU of which the allocator alone was read, the context is not known.
    is_whole = memory.torch_reserved_peak_bytes is None or memory.nvml_delta_bytes is not None
    return {
        "forecast_low_bytes": low,
        "forecast_high_bytes": high,
        "forecast_memory_error": error_of((low, high), memory.training_bytes if is_whole else None),
        "forecast_low_seconds": seconds and seconds[0],
        "forecast_high_seconds": seconds and seconds[1],
        "forecast_time_error": error_of(seconds, measured.train_seconds) if seconds and measured else None,
    }


def _rate(num_samples: int, seconds: float | None) -> float | None:
    return num_samples / seconds if seconds else None


def _decile(ordered: Sequence[float], number: int) -> float | None:
    """Return a decile of sorted values, interpolated linearly; None of no values."""
    if not ordered:
        return None
    place, tenths = divmod(number * (len(ordered) - 1), 10)
    return (ordered[place] * (10 - tenths) + ordered[min(place + 1, len(ordered) - 1)] * tenths) / 10


def _seconds_above_chance(measured: Measurement) -> float | None:
    chance = measured.evaluation.majority_accuracy
    num_rows = min((point.num_samples for point in measured.curve), default=1)
    return seconds_to_accuracy(measured.curve, chance + 2 * math.sqrt(chance * (1 - chance) / num_rows))


def _named(part: BaseModel | None) -> Mapping[str, float | None]:
    """Return those fields of a part that are metrics."""
    if part is None:
        return {}
    names = _metrics_of(type(part))
    return dict(zip(names, map(getattr, repeat(part), names), strict=False))  # asked of every run: no loop in Python


@cache
def _metrics_of(kind: type[BaseModel]) -> tuple[str, ...]:
    return tuple(name for name in kind.model_fields if name in METRICS)


def _peak(phase: PhasePeak) -> int | None:
    """Return the peak of a phase: memory held by torch's allocator on a GPU, resident memory on a CPU."""
    held = phase.torch_reserved_peak_bytes
    return phase.host_peak_bytes if held is None else held
