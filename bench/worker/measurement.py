"""Turns what a run observed into the measurement of its record."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

import torch

from bench.records.readings import StepParts
from bench.records.record import Flag, Measurement
from bench.training.target import target
from bench.worker.changed import deploy_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bench.records.evaluation import CurvePoint, Evaluation
    from bench.records.readings import HostActivity, Memory
    from bench.records.record import LayerRate
    from bench.training.prepared import Prepared
    from bench.training.trained import Trained
    from bench.training.trainer import Schedule
    from bench.worker.efficiency import Efficiency
    from bench.worker.merged import Merging
    from bench.workload.data.dataset import Data

__all__ = ["WARMUP_STEPS", "Observed", "StartingPoint", "flags_of", "measurement"]

WARMUP_STEPS = 2
"""Steps left out of the steady rates: the first ones fill caches and allocate optimizer state."""
MIN_STEADY_STEPS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class StartingPoint:
    """What a run begins from, before its plan is applied: the same for all runs of a comparison with one seed."""

    head: str
    """Where the head comes from, and why."""
    flags: tuple[Flag, ...] = ()
    model_digest: str | None = None
    strategy_code: dict[str, str] | None = None
    """Of third parties: the one thing here that runs share only where their strategies do."""
    initial_loss: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """All that a run observed."""

    data: Data
    prepared: Prepared
    start: StartingPoint
    schedule: Schedule
    trained: Trained
    memory: Memory
    evaluation: Evaluation
    curve: tuple[CurvePoint, ...]
    curve_seconds: float
    layer_rates: tuple[LayerRate, ...]
    compute_dtype: torch.dtype
    load_seconds: float
    skipped_steps: tuple[int, ...]
    """Counted from 1."""
    host: HostActivity
    efficiency: Efficiency
    merging: Merging
    checkpoint_seconds: float | None = None
    replicas_differ: bool = False
    """The ranks of the run ended with unlike weights."""


def measurement(seen: Observed) -> Measurement:
    """Return the measurement of a run, in which nothing is an estimate."""
    trained, data, cache = seen.trained, seen.data, seen.trained.set_up.cache
    turns = seen.schedule.turns(seen.prepared.plan.phases)
    rows = [len(batch) for epoch in seen.schedule.epochs for batch in epoch]
    steady = slice(WARMUP_STEPS, None)
    steady_seconds = sum(trained.step_seconds[steady])
    is_steady = len(rows) - WARMUP_STEPS >= MIN_STEADY_STEPS
    return Measurement(
        num_params=seen.prepared.num_params,
        num_trainable_params=seen.prepared.num_trainable_params(turns.values()),
        num_steps=len(rows),
        num_skipped_steps=seen.prepared.precision.num_skipped_steps,
        num_samples=sum(rows),
        num_tokens=sum(trained.step_tokens),
        num_padded_tokens=trained.num_padded_tokens,
        train_seconds=trained.seconds,
        load_seconds=seen.load_seconds,
        cache_seconds=cache.seconds if cache else None,
        cache_bytes=cache.num_bytes if cache else None,
        cache_is_shared=cache.is_shared if cache else None,
        compile_seconds=trained.set_up.compile_seconds,
        step_seconds=trained.step_seconds,
        step_tokens=trained.step_tokens,
        losses=trained.losses,
        samples_per_second=sum(rows) / trained.seconds,
        steady_samples_per_second=sum(rows[steady]) / steady_seconds if is_steady else None,
        steady_tokens_per_second=sum(trained.step_tokens[steady]) / steady_seconds if is_steady else None,
        num_warmup_steps=min(WARMUP_STEPS, len(rows)),
        compute_dtype=_name(seen.compute_dtype),
        weights_dtype=_name(seen.prepared.trained[0].dtype),
        memory=seen.memory,
        evaluation=seen.evaluation.model_copy(update={"merged_seconds": seen.merging.evaluation_seconds}),
        curve=seen.curve,
        curve_seconds=seen.curve_seconds,
        checkpoint_seconds=seen.checkpoint_seconds,
        layer_rates=seen.layer_rates,
        num_labels=len(data.label_names),
        head=seen.start.head,
        model_digest=seen.start.model_digest,
        strategy_code=seen.start.strategy_code,
        initial_loss=seen.start.initial_loss,
        num_train_rows=len(data.train),
        num_dropped_duplicates=data.num_dropped_duplicates,
        num_dropped_rows=data.num_dropped_rows,
        truncated_share=data.truncated_share,
        data_digest=data.digest,
        data=data.summary,
        skipped_steps=seen.skipped_steps,
        phase_steps=tuple(turns)[1:],
        step_parts=_mean_parts(trained.step_parts[steady]),
        work=seen.efficiency.work,
        host=seen.host,
        seen_embeddings=seen.prepared.plan.seen_embeddings,
        deploy_bytes=deploy_bytes(seen.prepared),
        probe_seconds=seen.efficiency.seconds + seen.merging.seconds,
    )


def _mean_parts(steps: Sequence[Mapping[str, float]]) -> StepParts | None:
    if not steps:
        return None
    means = {part: fmean(step[part] for step in steps) for part in steps[0]}
    return StepParts(**means, num_steps=len(steps))


def flags_of(seen: Observed) -> tuple[Flag, ...]:
    """Return the doubts that only the run itself knows of; `bench.records.doubts` finds those that follow from its record."""
    precision, flags = seen.prepared.precision, list(seen.start.flags)
    if seen.prepared.why_padded:
        flags.append(Flag(code="not-packed", message=f"batches are padded: {seen.prepared.why_padded}"))
    if seen.replicas_differ:
        flags.append(Flag(code="replicas-differ", message="the ranks' weights are not the same after the last step"))
    flags += (*seen.efficiency.flags, *seen.merging.flags)
    wanted = torch.bfloat16 if seen.prepared.plan.weights == "bf16" else precision.dtype
    if wanted != seen.compute_dtype:
        message = f"{_name(wanted)} was asked for, but matrix products ran in {_name(seen.compute_dtype)}"
        flags.append(Flag(code="amp-without-effect", message=message))
    if _name(precision.dtype) == "float16" and seen.prepared.device.type == "cpu":
        message = "fp16 matrix products are emulated on a CPU and take 30 to 100 times as long as bf16"
        flags.append(Flag(code="fp16-on-cpu", message=message))
    if _name(wanted) == "bfloat16" and not target(seen.prepared.device).has_native_bf16:
        message = "this device only emulates bf16: its times say nothing about mixed precision elsewhere"
        flags.append(Flag(code="bf16-emulated", message=message))
    return tuple(flags)


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
