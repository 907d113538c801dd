"""The numbers of one record, by the names of `bench.metrics.METRICS`. None is "not measured"."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from bench.metrics import METRICS
from bench.record import Memory

if TYPE_CHECKING:
    from bench.record import Measurement, RunRecord

__all__ = ["values_of"]


def values_of(record: RunRecord) -> dict[str, float | None]:
    """Every metric of a record; of a run that ended badly, the memory that is known."""
    measured = record.measured
    memory = (measured.memory if measured else record.memory) or Memory()
    values: dict[str, float | None] = dict.fromkeys(METRICS)
    values |= {name: value for name, value in memory.model_dump().items() if name in METRICS}
    values["peak_memory_bytes"] = memory.peak_bytes
    return values | _finished(measured) if measured else values


def _finished(measured: Measurement) -> dict[str, float | None]:
    steady = measured.step_seconds[measured.num_warmup_steps :]
    evaluation = measured.evaluation
    return {name: value for name, value in measured.model_dump().items() if name in METRICS} | {
        "accuracy": evaluation.accuracy,
        "macro_f1": evaluation.macro_f1,
        "eval_loss": evaluation.loss,
        "eval_seconds": evaluation.seconds,
        "step_seconds_median": median(steady) if steady else None,
    }
