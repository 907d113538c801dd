"""How much arithmetic the steps of a run were, for its strategy as it ran, and how fast it was done.

Measured once a run has trained and been evaluated, so that it disturbs neither.
"""

from __future__ import annotations

import time
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import torch

from bench.errors import AssetError, Unsupported, first_line
from bench.measuring.datasheets import datasheet_peak
from bench.measuring.flops import Extent
from bench.measuring.matmul_rate import arithmetic_of, matmul_rate, mfu
from bench.measuring.matmuls import PROBE_LENGTHS, read_shapes
from bench.records.readings import Work
from bench.records.record import Flag
from bench.training.precision import is_mixed
from bench.training.savings.onednn_linear import MIN_MULTIPLY_ADDS, is_by_onednn, linear_for
from bench.training.target import target
from bench.workload.data.dataset import Split

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from bench.measuring.flops import Shapes
    from bench.training.forward.batch import Batch
    from bench.training.prepared import Prepared
    from bench.training.trainer import Schedule, Trained

__all__ = ["Efficiency", "flops_of_steps", "measure_efficiency", "work_of"]


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
    return Efficiency(work=work, flags=tuple(flags), seconds=time.perf_counter() - began)


def work_of(
    prepared: Prepared,
    split: Split,
    schedule: Schedule,
    step_seconds: Sequence[float],
    *,
    num_warmup_steps: int,
    dtype: torch.dtype,
    device_name: str,
) -> Work:
    """Count the useful FLOPs of the steady steps, and hold their rate against the machine's own.

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
        AssetError: the rate of the machine cannot be cached.

    """
    flops, shapes = flops_of_steps(prepared, split, schedule, dtype)
    lengths = prepared.lengths(split)
    steady, seconds = sum(flops[num_warmup_steps:]), sum(step_seconds[num_warmup_steps:])
    typical = next(schedule.parts(_typical_step(lengths, schedule)))
    rate = _rate(shapes, prepared.forward.extent(lengths[typical], dtype), dtype, prepared.device, device_name)
    achieved = round(steady)
    return Work(
        step_flops=steady / len(flops[num_warmup_steps:]),
        flops_per_second=steady / seconds,
        matmul_flops_per_second=rate,
        mfu=mfu(achieved, seconds, rate),
        datasheet_mfu=mfu(achieved, seconds, datasheet_peak(device_name, arithmetic_of(dtype, prepared.device))),
    )


def flops_of_steps(
    prepared: Prepared, split: Split, schedule: Schedule, dtype: torch.dtype
) -> tuple[list[int], Shapes]:
    """Find the useful FLOPs of every step, and the matmuls of the last one; arguments as those of `work_of`.

    Raises:
        Unsupported: the matmuls of this model cannot be counted.

    """
    flops: list[int] = []
    turns, lengths = schedule.turns(prepared.plan.phases), prepared.lengths(split)
    for step, rows in enumerate(chain.from_iterable(schedule.epochs)):
        if step in turns:
            prepared.let_train(turns[step])
            shapes = _shapes(split, prepared, prepared.forward.batch)
            above = prepared.cache and _shapes(split, prepared, prepared.cache.forward.probe)  # of what is stored
            per_row, per_token, per_pair = _per_unit(above or shapes)
        extents = [prepared.forward.extent(lengths[part], dtype) for part in schedule.parts(rows)]
        flops.append(sum(per_row * it.rows + per_token * it.tokens + per_pair * it.pairs for it in extents))
    return flops, shapes


def _typical_step(lengths: NDArray[np.int64], schedule: Schedule) -> NDArray[np.int64]:
    """Pick the step whose number of tokens is nearest to the median."""
    steps = [rows for epoch in schedule.epochs for rows in epoch]
    tokens = np.array([lengths[rows].sum() for rows in steps])
    return steps[int(abs(tokens - np.median(tokens)).argmin())]


def _shapes(split: Split, prepared: Prepared, put_together: Callable[..., Batch]) -> Shapes:
    """Read the matmuls of a forward pass with its loss, of a compiled model those of what it was made from."""
    tokens = np.resize(split.tokens, sum(PROBE_LENGTHS))
    offsets = np.cumsum([0, *PROBE_LENGTHS])
    probe = Split(tokens, offsets, np.zeros(len(PROBE_LENGTHS), dtype=np.int64))
    batch = put_together(probe, range(len(probe))).to(prepared.device)  # as long as it is, without a prompt
    autocast = prepared.precision.forward() if is_mixed(prepared.model) else nullcontext()
    with torch.compiler.set_stance("force_eager"), autocast:
        return read_shapes(lambda: prepared.loss(batch), prepared.params_by_layer)


def _per_unit(shapes: Shapes) -> tuple[int, int, int]:
    """The useful FLOPs of a row, a token and a pair of tokens: all matmuls grow with one of them."""
    one, two, three = (shapes.flops(Extent(*unit)).useful for unit in ((1, 0, 0), (0, 1, 0), (0, 0, 1)))
    return one, two, three


def _rate(shapes: Shapes, extent: Extent, dtype: torch.dtype, device: torch.device, device_name: str) -> float | None:
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
    )
