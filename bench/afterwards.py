"""What is measured once a run has trained and been evaluated, so that it disturbs neither."""

from __future__ import annotations

import time
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, TypeVar

import torch

from bench.anatomy import step_parts
from bench.errors import AssetError, Diverged, Unsupported
from bench.record import Flag
from bench.work import work_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.prepared import Prepared
    from bench.readings import StepParts, Work
    from bench.trainer import Schedule, Trained
    from bench.workload.data import Split

__all__ = ["Afterwards", "look_closer"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Afterwards:
    """What was found, and how long that took."""

    step_parts: StepParts | None
    work: Work | None
    flags: tuple[Flag, ...]
    seconds: float


def look_closer(
    prepared: Prepared,
    split: Split,
    schedule: Schedule,
    trained: Trained,
    *,
    num_warmup_steps: int,
    dtype: torch.dtype,
    device_name: str,
    takes_apart: bool,
) -> Afterwards:
    """Count the arithmetic of the steps, and take a few more of them apart.

    Without `takes_apart` no more steps are taken. What fails is a flag; the run has its numbers
    already.
    """
    began = time.perf_counter()
    flags: list[Flag] = []
    steady = trained.step_seconds[num_warmup_steps:]
    work = parts = None
    if steady:
        work = _attempt(
            "counting FLOPs",
            lambda: work_of(
                prepared,
                split,
                schedule,
                trained.step_seconds,
                num_warmup_steps=num_warmup_steps,
                dtype=dtype,
                device_name=device_name,
            ),
            flags,
        )
    if steady and takes_apart:
        parts = _attempt("taking steps apart", lambda: step_parts(prepared, split, schedule, median(steady)), flags)
    return Afterwards(step_parts=parts, work=work, flags=tuple(flags), seconds=time.perf_counter() - began)


def _attempt(what: str, measure: Callable[[], T], flags: list[Flag]) -> T | None:
    """Measure, or flag what is known to be beyond this model or machine."""
    try:
        return measure()
    except (Unsupported, AssetError, Diverged, torch.OutOfMemoryError) as error:
        message = f"{what}: {str(error).splitlines()[0]}"
        flags.append(Flag(code="probe-failed", message=message))
        return None
