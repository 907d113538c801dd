"""The measured part of a run: training, and what surrounds it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import torch

from bench.evaluation import answer, evaluate
from bench.measure import Observed, flags_of, measurement
from bench.precision import observe_dtypes
from bench.probes.environment import fingerprint
from bench.protocol import Finished, Phase, Progress, Tried
from bench.record import CurvePoint
from bench.schedule import schedule_of
from bench.trainer import train

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.prepared import Prepared
    from bench.probes.peaks import TrainingPeaks
    from bench.protocol import Message
    from bench.spec import RunSpec
    from bench.trainer import Schedule, Trained
    from bench.workload.data import Data

__all__ = ["Run"]

CURVE_ROWS = 64
"""Rows of the evaluation set behind each point of the learning curve."""


class Run:
    """One run with everything at hand."""

    def __init__(
        self,
        *,
        spec: RunSpec,
        data: Data,
        prepared: Prepared,
        schedule: Schedule,
        send: Callable[[Message], None],
        peaks: TrainingPeaks,
    ) -> None:
        self.spec, self.data, self.prepared, self.schedule = spec, data, prepared, schedule
        self.send, self.peaks = send, peaks
        self.curve: list[CurvePoint] = []

    def dry(self) -> Finished:
        """Take the one step, and say how much work the whole run would be."""
        trained = self._train()
        memory, stored = self.peaks.end(), self.prepared.stored
        whole = schedule_of(self.spec, self.data.train)
        lengths = self.data.train.lengths
        self.send(
            Tried(
                step_seconds=sum(trained.step_seconds),
                step_tokens=sum(trained.step_tokens),
                train_tokens=sum(int(lengths[rows].sum()) for epoch in whole.epochs for rows in epoch),
                eval_tokens=int(self.data.evaluation.lengths.sum()),
                cache_seconds=stored.seconds if stored else None,
                cache_tokens=int(lengths[whole.rows].sum()),
                peak_bytes=memory.peak_bytes,
            )
        )
        return Finished()

    def whole(self, *, load_seconds: float) -> Finished:
        """Train and evaluate, and put together what was measured."""
        compute_dtype = self._compute_dtype()
        trained = self._train()
        memory = self.peaks.end()
        self.send(Phase(name="evaluate", at=time.monotonic()))
        data, prepared = self.data, self.prepared
        layer_rates = prepared.layer_rates()
        evaluation = evaluate(prepared, data.evaluation, self.spec.batch_size)
        self._point(self.schedule.num_steps, trained.seconds)
        seen = Observed(
            data=data,
            prepared=prepared,
            schedule=self.schedule,
            trained=trained,
            memory=memory,
            evaluation=evaluation,
            curve=tuple(self.curve),
            layer_rates=layer_rates,
            compute_dtype=compute_dtype,
            load_seconds=load_seconds,
        )
        environment = fingerprint(prepared.device, data.assets)
        return Finished(measured=measurement(seen), flags=flags_of(seen), environment=environment)

    def _train(self) -> Trained:
        torch.manual_seed(self.spec.seed)
        self.send(Phase(name="train", at=time.monotonic()))
        self.peaks.begin()
        return train(
            self.prepared,
            self.data.train,
            self.schedule,
            on_step=self._step,
            on_point=self._interrupt,
        )

    def _step(self, done: int, loss: float | None, seconds: float) -> None:
        rate = done * self.spec.batch_size / seconds
        self.send(Progress(done=done, total=self.schedule.num_steps, loss=loss, samples_per_second=rate))

    def _interrupt(self, step: int, seconds: float) -> None:
        """Leave training for a point of the learning curve, off the clock and out of the peaks."""
        self.peaks.end()
        self._point(step, seconds)
        self.peaks.begin()

    def _point(self, step: int, seconds: float) -> None:
        split = self.data.evaluation.first(CURVE_ROWS)
        answers = answer(self.prepared, split, self.spec.batch_size)
        accuracy = float((answers.predictions == split.labels).mean())
        loss = float(answers.losses.mean())
        self.curve.append(CurvePoint(step=step, seconds=seconds, loss=loss, accuracy=accuracy, num_samples=len(split)))

    def _compute_dtype(self) -> torch.dtype:
        """Look at what the linear layers really compute in, on two rows."""
        batch = self.prepared.batch(self.data.train, [0, len(self.data.train) - 1])
        self.prepared.model.eval()
        with observe_dtypes(self.prepared.model) as seen, torch.inference_mode(), self.prepared.precision.forward():
            self.prepared.logits(batch)
        wanted = self.prepared.precision.dtype
        return wanted if wanted in seen else next(iter(seen))
