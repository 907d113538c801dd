"""The workload of a gate: the settings of a comparison, or a tiny Llama where neither model nor data are given."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bench.errors import UsageError
from bench.experiment.matrix import run_spec
from bench.experiment.settings import WORK, WORK_SINCE, Settings
from bench.experiment.spec import parse_strategies
from bench.gate.sampling.sample import NUM_UNJUDGED_STEPS
from bench.workload.data.check import check_dataset
from bench.workload.models.check import check_model_files
from bench.workload.toy_files import LAYOUT, toy_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from bench.experiment.spec import RunSpec

__all__ = ["TINY", "Subject", "gather"]

TINY = "tiny"
"""The key in the work of a subject for the version of the tiny model and its data."""

_LEAST_STEPS = 2 * NUM_UNJUDGED_STEPS
_DEFAULTS: Mapping[str, Any] = {"strategies": "full,freeze", "steps": NUM_UNJUDGED_STEPS + 50, "timeout": 600.0}

_TINY_THREADS = 1
"""The matmuls of the tiny model are too small for two threads, which are slower and noisier than one."""


@dataclass(frozen=True, slots=True)
class Subject:
    """The runs of both sides."""

    specs: tuple[RunSpec, ...]
    """One per strategy; the gate sets the seeds."""
    timeout: float
    """The longest that one run may take, in seconds."""
    threads: int | None = None
    """Threads of torch on a CPU; None leaves it to torch."""
    work: Mapping[str, str | int | float | None] = field(default_factory=dict)
    """The settings of the specs without device and timeout; of the tiny model and its data only the version."""


def gather(given: Mapping[str, Any], config: Path | None, device_of: Callable[[str], str]) -> Subject:
    """Merge the given settings with those of the file and the gate's defaults; both sides get the same files.

    The sides themselves check the strategies.

    Raises:
        UsageError: a name or a value is not valid.

    """
    settings = Settings.gather(given, config=config, defaults=_DEFAULTS)
    if settings.steps is None or settings.steps < _LEAST_STEPS:
        msg = f"--steps {settings.steps}: a gate needs {_LEAST_STEPS} or more, as the first {NUM_UNJUDGED_STEPS} warm it up"
        raise UsageError(msg)
    compositions = parse_strategies(settings.strategies)
    work = _work(settings)
    threads = int(chosen) if (chosen := os.environ.get("OMP_NUM_THREADS", "")).isdecimal() else None
    if not settings.model_fields_set & {"model", "dataset"}:
        tiny = toy_settings("gate", width=64, num_words=(8, 8))
        settings = Settings.model_validate(tiny | settings.model_dump(include=settings.model_fields_set))
        work = _work(settings, leave={"model", "dataset"}) | {TINY: LAYOUT}
        threads = threads or _TINY_THREADS
    device = device_of(settings.device)
    specs = tuple(run_spec(settings, terms, 0, device).model_copy(update={"evaluations": 1}) for terms in compositions)
    check_model_files(settings.model)
    check_dataset(specs[0].workload)
    assert settings.timeout is not None  # it has a default, and a file cannot say "none"
    return Subject(specs, settings.timeout, threads if device == "cpu" else None, work)


def _work(settings: Settings, leave: Iterable[str] = ()) -> dict[str, Any]:
    known = settings.model_dump(include=set(WORK).difference(WORK_SINCE, leave))
    return known | settings.model_dump(include=set(WORK_SINCE), exclude_defaults=True)
