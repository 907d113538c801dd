"""How much arithmetic the steps of a run were, for its strategy as it ran, and how fast it was done.

Measured once a run has trained and been evaluated, so that it disturbs neither.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from bench.errors import AssetError, Unsupported, first_line
from bench.measuring.datasheets import datasheet_peak
from bench.measuring.matmul_rate import arithmetic_of, matmul_rate, mfu
from bench.records.readings import Work
from bench.records.record import Flag
from bench.training.savings.onednn_linear import MIN_MULTIPLY_ADDS, is_by_onednn, linear_for
from bench.training.step_flops import flops_of_step, flops_per_unit
from bench.training.target import target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from bench.measuring.flops import Extent, Shapes
    from bench.training.prepared import Prepared
    from bench.training.trained import Trained
    from bench.training.trainer import Schedule
    from bench.workload.data.dataset import Split

__all__ = ["Efficiency", "count_beside", "flops_of_steps", "measure_efficiency", "typical_step", "work_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Efficiency:
    """The arithmetic of the steps, and how long finding it took."""

    work: Work | None
    flags: tuple[Flag, ...]
    seconds: float


def measure_efficiency(
    prepared: Prepared,
    split: Split,
    schedule: Schedule,
    trained: Trained,
    *,
    num_warmup_steps: int,
    dtype: torch.dtype,
    device_name: str,
) -> Efficiency:
    """Count the arithmetic of the steps; what is beyond this model or machine is a flag, as the run has its numbers already."""
    began = time.perf_counter()
    work: Work | None = None
    flags: tuple[Flag, ...] = ()
    if trained.step_seconds[num_warmup_steps:]:
        try:
            work, flags = work_of(
                prepared,
                split,
                schedule,
                trained.step_seconds,
                num_warmup_steps=num_warmup_steps,
                dtype=dtype,
                device_name=device_name,
            )
        except (Unsupported, AssetError, torch.OutOfMemoryError) as error:
            flags = (Flag(code="probe-failed", message=f"counting FLOPs: {first_line(error)}"),)
    return Efficiency(work=work, flags=flags, seconds=time.perf_counter() - began)


def count_beside(
    prepared: Prepared, split: Split, schedule: Schedule, trained: Trained, *, num_warmup_steps: int
) -> None:
    """Run what rank 0 counts, where running the model takes all ranks."""
    if trained.step_seconds[num_warmup_steps:] and prepared.parallel.cuts:
        with suppress(Unsupported):  # as it is told there
            flops_of_steps(prepared, split, schedule)


def work_of(
    prepared: Prepared,
    split: Split,
    schedule: Schedule,
    step_seconds: Sequence[float],
    *,
    num_warmup_steps: int,
    dtype: torch.dtype,
    device_name: str,
) -> tuple[Work, tuple[Flag, ...]]:
    """Count the useful FLOPs of the steady steps, and hold their rate against the machine's own, or say in a flag why not.

    Args:
        prepared: Has trained. What trains is set anew for every part of its plan that trains in turn.
        split: That it trained on.
        schedule: Of the run.
        step_seconds: Of every step.
        num_warmup_steps: Steps left out.
        dtype: In which matmuls really ran.
        device_name: As the record says it.

    Raises:
        Unsupported: the matmuls of this model cannot be counted.

    """
    flops, shapes = flops_of_steps(prepared, split, schedule)
    lengths = prepared.lengths(split)
    steady, seconds = sum(flops[num_warmup_steps:]), sum(step_seconds[num_warmup_steps:])
    typical = prepared.parts(typical_step(lengths, schedule))[0]
    extent = prepared.forward.extent(lengths[typical])
    achieved, of_all = round(steady), seconds * prepared.parallel.num_ranks
    rate: float | None = None
    flags: tuple[Flag, ...] = ()
    try:
        rate = _rate(shapes, extent, dtype, prepared.device, device_name, reached=achieved / of_all)
    except (Unsupported, AssetError) as error:
        flags = (Flag(code="probe-failed", message=f"MFU: {first_line(error)}"),)
    work = Work(
        step_flops=steady / len(flops[num_warmup_steps:]),
        flops_per_second=steady / seconds,
        matmul_flops_per_second=rate,
        mfu=mfu(achieved, of_all, rate),
        datasheet_mfu=mfu(achieved, of_all, datasheet_peak(device_name, arithmetic_of(dtype, prepared.device))),
    )
    return work, flags


def flops_of_steps(prepared: Prepared, split: Split, schedule: Schedule) -> tuple[list[int], Shapes]:
    """Find the useful FLOPs of every step, and the matmuls of the last one; arguments as those of `work_of`.

    Raises:
        Unsupported: the matmuls of this model cannot be counted.

    """
    flops: list[int] = []
    turns = schedule.turns(prepared.plan.phases)
    for step, rows in enumerate(schedule.batches):
        if step in turns:
            prepared.let_train(turns[step])
            shapes, per_unit = flops_per_unit(prepared, split)
        flops.append(flops_of_step(prepared, split, rows, per_unit))
    return flops, shapes


def typical_step(lengths: NDArray[np.int64], schedule: Schedule) -> NDArray[np.int64]:
    """Pick the step whose number of tokens is nearest to the median."""
    steps = list(schedule.batches)
    tokens = np.array([lengths[rows].sum() for rows in steps])
    return steps[int(abs(tokens - np.median(tokens)).argmin())]


def _rate(
    shapes: Shapes, extent: Extent, dtype: torch.dtype, device: torch.device, device_name: str, *, reached: float
) -> float | None:
    """Measure the machine's own rate, unless it only emulates the type: that would take minutes."""
    emulated = {torch.bfloat16: not target(device).has_native_bf16, torch.float16: device.type == "cpu"}
    if emulated.get(dtype, False):
        return None
    variant = f"oneDNN from {MIN_MULTIPLY_ADDS:,} multiply-adds on" if is_by_onednn(dtype, device) else None
    return matmul_rate(
        shapes,
        extent,
        dtype=dtype,
        device=device,
        device_name=device_name,
        linear=linear_for(dtype, device),
        variant=variant,
        reached=reached,
    )
