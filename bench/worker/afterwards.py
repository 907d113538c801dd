"""What is measured once a run has trained and been evaluated, so that it disturbs neither."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from bench.errors import AssetError, Unsupported, first_line
from bench.records.record import Flag
from bench.worker.efficiency import work_of

if TYPE_CHECKING:
    from bench.records.readings import Work
    from bench.training.prepared import Prepared
    from bench.training.trainer import Schedule, Trained
    from bench.workload.data.dataset import Split

__all__ = ["Afterwards", "look_closer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Afterwards:
    """What was found, and how long that took."""

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
) -> Afterwards:
    """Count the arithmetic of the steps; what is beyond this model or machine is a flag, as the run has its numbers already."""
    began = time.perf_counter()
    work, flags = None, []
    if trained.step_seconds[num_warmup_steps:]:
        try:
            work = work_of(
                prepared,
                split,
                schedule,
                trained.step_seconds,
                num_warmup_steps=num_warmup_steps,
                dtype=dtype,
                device_name=device_name,
            )
        except (Unsupported, AssetError, torch.OutOfMemoryError) as error:
            flags = [Flag(code="probe-failed", message=f"counting FLOPs: {first_line(error)}")]
    return Afterwards(work=work, flags=tuple(flags), seconds=time.perf_counter() - began)
