"""The measured part of a run: training, the learning curve, and the evaluation at the end."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import torch

from bench.measuring.contention import Contention
from bench.measuring.environment import fingerprint
from bench.measuring.torch_memory import split_peak, touch
from bench.protocol import Finished, Followed, Progress, Said, Stage, Tried
from bench.records.evaluation import CurvePoint
from bench.tasks.classification import curve_point, evaluation_of
from bench.training.checkpoints import Checkpoints
from bench.training.evaluation import predict, predict_beside
from bench.training.layer_rates import layer_rates
from bench.training.precision import observe_dtypes
from bench.training.savings.onednn_linear import fp32_matmuls
from bench.training.schedule import schedule_of
from bench.training.set_up import warm_up
from bench.training.trainer import train
from bench.worker.efficiency import count_beside, measure_efficiency, typical_step
from bench.worker.measurement import WARMUP_STEPS, Observed, flags_of, measurement
from bench.worker.meeting import pids_beside
from bench.worker.merged import evaluate_merged
from bench.worker.origin import origin
from bench.worker.way_times import time_ways

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from transformers import PreTrainedModel

    from bench.experiment.spec import RunSpec
    from bench.experiment.ways import Way
    from bench.measuring.peaks import Peaks
    from bench.protocol import Message
    from bench.records.readings import Memory
    from bench.tasks.classification import Predictions
    from bench.training.prepared import Prepared
    from bench.training.trained import Trained
    from bench.training.trainer import Schedule
    from bench.worker.measurement import StartingPoint
    from bench.workload.data.dataset import Data

__all__ = ["Run"]

CURVE_ROWS = 64
"""Rows of the evaluation set behind each point of the learning curve."""


@dataclass(kw_only=True)
class Run:
    """Trains what was prepared, measures it, and tells its progress."""

    spec: RunSpec
    data: Data
    prepared: Prepared
    start: StartingPoint
    schedule: Schedule
    send: Callable[[Message], None]
    peaks: Peaks
    contention: Contention = field(init=False)
    curve: list[CurvePoint] = field(init=False, default_factory=list)
    curve_seconds: float = field(init=False, default=0.0)
    """Spent on the points of the curve, which nobody is billed for."""
    skipped: list[int] = field(init=False, default_factory=list)
    """Steps that loss scaling skipped, counted from 1."""
    checkpoints: Checkpoints | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        """Watch the machine for other processes from now on."""
        self.contention = Contention(self.prepared.device, pids_beside(self.prepared.parallel))

    def keep_checkpoints(self, path: Path, *, every_seconds: float) -> None:
        """Go on from the checkpoint of this run at `path`, where there is one, and write others while it is long."""
        self.checkpoints = Checkpoints(
            self.prepared,
            path,
            turns=self.schedule.turns(self.prepared.plan.phases),
            num_steps=self.schedule.num_steps,
            origin=partial(origin, self.spec, self.data, self.start, self.prepared.device),
            besides=self._besides,
            on_found=self._go_on,
            aside=partial(self._aside, "save"),
            say=lambda text: self.send(Said(text=text)),
            every_seconds=every_seconds,
        )

    def warm_up(self) -> None:
        """Load a GPU's kernels before the clock starts."""
        if self.prepared.device.type == "cuda":
            warm_up(self.prepared, self.data.train, self.schedule.batches)

    def dry(self, model: PreTrainedModel, ways: Sequence[Way] = ()) -> Finished:
        """Take the one step of a dry run, time `ways` to run `model`, as loaded, and send how much work the whole run would be."""
        trained = self.train()
        memory, cache = self.peaks.end(), trained.set_up.cache
        whole = schedule_of(self.spec, self.data.train)
        lengths = self.prepared.lengths(self.data.train)
        self.send(
            Tried(
                step_seconds=sum(trained.step_seconds),
                step_tokens=sum(trained.step_tokens),
                train_tokens=sum(int(lengths[rows].sum()) for epoch in whole.epochs for rows in epoch),
                eval_tokens=int(self.prepared.lengths(self.data.evaluation).sum()),
                cache_seconds=cache.seconds if cache else None,
                cache_tokens=int(lengths[whole.rows].sum()),
                peak_bytes=memory.training_bytes,
                ways=time_ways(
                    self.prepared, model, self.data, [typical_step(lengths, whole), self.schedule.rows], ways
                ),
            )
        )
        return Finished()

    def whole(self, *, load_seconds: float) -> Finished:
        """Train and evaluate; return what was measured."""
        trained = self.train()
        self._enter("evaluate")
        data, prepared = self.data, self.prepared
        differ = prepared.parallel.differ(prepared.trained)
        rates = layer_rates(prepared)
        with observe_dtypes(prepared.model) as seen_dtypes:
            predictions = predict(prepared, data.evaluation)
        wanted = prepared.precision.dtype
        compute_dtype = wanted if wanted in seen_dtypes else next(iter(seen_dtypes))
        self._point(self.schedule.num_steps, trained.seconds, predictions.first(CURVE_ROWS))
        memory = self._memory(trained)
        environment = fingerprint(prepared.device, data.assets, self.spec, fp32_matmuls=fp32_matmuls(prepared.device))
        self.send(Stage(name="probe", at=time.monotonic()))
        efficiency = measure_efficiency(
            prepared,
            data.train,
            self.schedule,
            trained,
            num_warmup_steps=WARMUP_STEPS,
            dtype=compute_dtype,
            device_name=environment.device_name,
        )
        seen = Observed(
            data=data,
            prepared=prepared,
            start=self.start,
            schedule=self.schedule,
            trained=trained,
            memory=memory,
            evaluation=evaluation_of(predictions, data.evaluation, data.label_names),
            curve=tuple(self.curve),
            curve_seconds=self.curve_seconds,
            layer_rates=rates,
            compute_dtype=compute_dtype,
            load_seconds=load_seconds,
            skipped_steps=tuple(self.skipped),
            replicas_differ=differ,
            host=self.contention.activity(),
            efficiency=efficiency,
            merging=evaluate_merged(prepared, data.evaluation, predictions),
            checkpoint_seconds=self.checkpoints.seconds if self.checkpoints else None,
        )
        flags = (*flags_of(seen), *(self.checkpoints.flags if self.checkpoints else ()))
        return Finished(measured=measurement(seen), flags=flags, environment=environment)

    def follow(self) -> Followed:
        """Train as a rank other than 0, which measures and evaluates for all; return what this one took."""
        prepared = self.prepared
        trained = self.train()
        self._enter("evaluate")
        prepared.parallel.differ(prepared.trained)
        predict_beside(prepared, self.data.evaluation)
        memory = self._memory(trained)
        count_beside(prepared, self.data.train, self.schedule, trained, num_warmup_steps=WARMUP_STEPS)
        return Followed(memory=memory)

    def _memory(self, trained: Trained) -> Memory:
        """End the peaks, and say what they consist of."""
        if (cache := trained.set_up.cache) and cache.is_shared:
            self.peaks.include(cache.peak)
        memory, prepared = self.peaks.end(), self.prepared
        parts = split_peak(memory, prepared.model, prepared.trained, prepared.optimizer, prepared.averaged)
        return memory.model_copy(update={"parts": parts})

    def train(self) -> Trained:
        """Train from the seed of the run, with memory and other processes watched."""
        torch.manual_seed(self.spec.seed)
        touch(self.prepared.model)
        self._enter("train")
        return train(
            self.prepared,
            self.data.train,
            self.schedule,
            on_step=self._step,
            on_point=self._interrupt,
            checkpoints=self.checkpoints,
        )

    def _enter(self, phase: Literal["train", "evaluate"]) -> None:
        """Attribute memory, and what else the machine does, to another phase from now on."""
        self.contention.stop()
        self.peaks.enter(phase)
        self._tell(phase)

    def _tell(self, phase: Literal["train", "evaluate", "save"]) -> None:
        self.send(Stage(name=phase, at=time.monotonic()))
        if phase == "train":
            self.contention.start()

    @contextmanager
    def _aside(self, phase: Literal["evaluate", "save"]) -> Iterator[None]:
        """Do something else in the midst of training, outside its peaks; its clock must be stopped."""
        self.contention.stop()
        with self.peaks.aside():
            self._tell(phase)
            yield
        self._tell("train")

    def _step(self, done: int, loss: float | None, seconds: float) -> None:
        if self.prepared.precision.num_skipped_steps > len(self.skipped):
            self.skipped.append(done)
        rate = done * self.spec.batch_size / seconds
        self.send(Progress(done=done, total=self.schedule.num_steps, loss=loss, samples_per_second=rate))

    def _interrupt(self, step: int, seconds: float) -> None:
        """Add a point to the learning curve."""
        if self.prepared.parallel.rank:
            predict_beside(self.prepared, self.data.evaluation.first(CURVE_ROWS))
            return
        with self._aside("evaluate"):
            predictions = predict(self.prepared, self.data.evaluation.first(CURVE_ROWS))
        self._point(step, seconds, predictions)
        self.curve_seconds += predictions.seconds

    def _besides(self) -> dict[str, Any]:
        """What a checkpoint holds that the training loop does not know of."""
        curve = [point.model_dump() for point in self.curve]
        return {"curve": curve, "curve_seconds": self.curve_seconds, "skipped": self.skipped}

    def _go_on(self, besides: dict[str, Any]) -> None:
        self.curve = [CurvePoint(**point) for point in besides["curve"]]
        self.curve_seconds, self.skipped = besides["curve_seconds"], besides["skipped"]

    def _point(self, step: int, seconds: float, predictions: Predictions) -> None:
        self.curve.append(curve_point(predictions, self.data.evaluation, step=step, seconds=seconds))
