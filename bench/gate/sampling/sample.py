"""Reads a run's last message: only what the gate judges, so that older and newer sides can be read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from bench.gate.judging.pairs import Sample, SideFailure
from bench.records.readings import Memory

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["NUM_UNJUDGED_STEPS", "read_sample"]

NUM_UNJUDGED_STEPS = 10
"""Steps before the first that a gate judges; the steady rates of a record leave out fewer (`num_warmup_steps`)."""


class _Evaluation(BaseModel):
    accuracy: float


class _Measurement(BaseModel):
    losses: tuple[float, ...]
    compute_dtype: str
    memory: dict[str, Any]
    evaluation: _Evaluation
    data_digest: str | None = None


class _Environment(BaseModel):
    host_cpu: str
    num_cores: int
    num_threads: int
    python: str
    versions: dict[str, str]
    device_name: str
    driver: str | None = None


class _Finished(BaseModel):
    measured: _Measurement
    environment: _Environment


def read_sample(message: dict[str, Any], turns: Sequence[tuple[int, float]]) -> Sample:
    """Read the last message of a successful run; `turns` has the steps and seconds of each turn.

    Raises:
        SideFailure: it lacks what is judged.

    """
    try:
        finished = _Finished.model_validate(message)
        measured, environment = finished.measured, finished.environment
        peaks = Memory.of_peaks(measured.memory)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise SideFailure(f"its record cannot be read: {where}: {first['msg']}") from error
    return Sample(
        tuple(seconds / steps for steps, seconds in turns[1:]),
        measured.losses,
        peaks.training_bytes,
        measured.evaluation.accuracy,
        measured.compute_dtype != "float32",
        measured.data_digest,
        _fingerprint(environment),
    )


def _fingerprint(seen: _Environment) -> dict[str, str]:
    known = {
        "processor": seen.host_cpu,
        "number of cores": seen.num_cores,
        "threads": seen.num_threads,
        "device": seen.device_name,
        "driver": seen.driver,
        "Python": seen.python,
        "torch": seen.versions.get("torch"),
        "transformers": seen.versions.get("transformers"),
    }
    return {name: str(value) for name, value in known.items() if value is not None}
