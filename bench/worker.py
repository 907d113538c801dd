"""One run, inside its own process: from a request to the message that ends it."""

from __future__ import annotations

import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

import torch

from bench import registry
from bench.build import prepare
from bench.errors import Diverged, Unsupported, UsageError
from bench.evaluation import answer, evaluate
from bench.measure import Observed, flags_of, measurement
from bench.plan import compose
from bench.precision import observe_dtypes
from bench.probes.environment import fingerprint
from bench.probes.peaks import TrainingPeaks
from bench.protocol import Failed, Finished, Phase, Planned, Progress, Request, Tried
from bench.record import CurvePoint
from bench.schedule import dry_schedule, schedule_of
from bench.trainer import train
from bench.workload.batches import collate
from bench.workload.data import load_data
from bench.workload.models import load_model, load_tokenizer
from bench.workload.presets import rates_of
from bench.workload.view import view_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from transformers import PreTrainedModel

    from bench.build import Prepared
    from bench.plan import ModelView, TrainPlan
    from bench.protocol import Message
    from bench.spec import RunSpec
    from bench.trainer import Schedule, Trained
    from bench.workload.data import Data

    Send = Callable[[Message], None]

__all__ = ["main"]

CURVE_ROWS = 64
"""Rows of the evaluation set behind each point of the learning curve."""


class Connection(Protocol):
    """The end of a pipe that a run writes to."""

    def send_bytes(self, data: bytes, /) -> None:
        """Send one message."""
        ...


def main(connection: Connection, request_json: str) -> None:
    """Carry out a request, telling all of it to `connection`; the entry of a run's process."""
    request = Request.model_validate_json(request_json)

    def send(message: Message) -> None:
        connection.send_bytes(message.model_dump_json().encode())

    peaks = TrainingPeaks(_device(request.spec))
    try:
        send(_carry_out(request, send, peaks))
    except Exception as error:  # noqa: BLE001  (whatever a strategy or a library raises becomes a row)
        send(_failure(error, peaks))


def _carry_out(request: Request, send: Send, peaks: TrainingPeaks) -> Finished:
    spec, began = request.spec, time.perf_counter()
    send(Phase(name="fetch", at=time.monotonic()))
    data = load_data(spec.workload, report=lambda done, total: send(Progress(done=done, total=total, unit="bytes")))
    loaded = load_model(spec.workload.model, num_labels=len(data.label_names), seed=spec.seed)
    if request.mode == "prepare":
        return Finished()
    send(Phase(name="load", at=time.monotonic()))
    view = view_of(loaded.model, loaded.fresh)
    plan = _plan(spec, view)
    prepared = prepare(
        loaded.model,
        view,
        plan,
        rates=rates_of(spec.workload.model),
        device=_device(spec),
        weight_decay=spec.weight_decay,
    )
    schedule = (dry_schedule if request.mode == "dry" else schedule_of)(spec, data.train)
    send(
        Planned(
            changes=plan.changes(view),
            num_steps=schedule.num_steps,
            num_params=prepared.num_params,
            num_trainable_params=prepared.num_trainable_params,
        )
    )
    run = _Run(spec=spec, data=data, prepared=prepared, schedule=schedule, send=send, peaks=peaks)
    if request.mode == "dry":
        return run.dry()
    finished = run.whole(load_seconds=time.perf_counter() - began)
    if request.save_model:
        send(Phase(name="save", at=time.monotonic()))
        _save(prepared, spec, data, Path(request.save_model))
    return finished


class _Run:
    """The measured part of a request: training, and what surrounds it."""

    def __init__(
        self,
        *,
        spec: RunSpec,
        data: Data,
        prepared: Prepared,
        schedule: Schedule,
        send: Send,
        peaks: TrainingPeaks,
    ) -> None:
        self.spec, self.data, self.prepared, self.schedule = spec, data, prepared, schedule
        self.send, self.peaks = send, peaks
        self.curve: list[CurvePoint] = []

    def dry(self) -> Finished:
        """Take the one step, and say how much work the whole run would be."""
        trained = self._train()
        memory = self.peaks.end()
        whole = schedule_of(self.spec, self.data.train)
        rows_per_step = (rows for epoch in whole.epochs for rows in epoch)
        lengths = self.data.train.lengths
        self.send(
            Tried(
                step_seconds=trained.seconds,
                step_tokens=trained.num_padded_tokens,
                train_tokens=sum(int(lengths[rows].max()) * len(rows) for rows in rows_per_step),
                eval_tokens=int(self.data.evaluation.lengths.sum()),
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
        evaluation = evaluate(prepared, data.evaluation, data.pad_token_id, self.spec.batch_size)
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
            self.data.pad_token_id,
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
        answers = answer(self.prepared, split, self.data.pad_token_id, self.spec.batch_size)
        accuracy = float((answers.predictions == split.labels).mean())
        loss = float(answers.losses.mean())
        self.curve.append(CurvePoint(step=step, seconds=seconds, loss=loss, accuracy=accuracy, num_samples=len(split)))

    def _compute_dtype(self) -> torch.dtype:
        """Look at what the linear layers really compute in, on two rows."""
        batch = collate(self.data.train, [0, len(self.data.train) - 1], self.data.pad_token_id).to(self.prepared.device)
        self.prepared.model.eval()
        with observe_dtypes(self.prepared.model) as seen, torch.inference_mode(), self.prepared.precision.forward():
            self.prepared.logits(batch)
        wanted = self.prepared.precision.dtype
        return wanted if wanted in seen else next(iter(seen))


def _plan(spec: RunSpec, view: ModelView) -> TrainPlan:
    plan = compose([registry.load(term) for term in spec.strategy], view)
    return plan if spec.lr is None else plan.with_lr(spec.lr)


def _device(spec: RunSpec) -> torch.device:
    """A run sees the GPU that it was lent as its first and only one."""
    return torch.device(spec.device.partition(":")[0])


def _save(prepared: Prepared, spec: RunSpec, data: Data, directory: Path) -> None:
    """Keep the trained weights, an adapter alone where there is one, in the layout of transformers."""
    model = cast("PreTrainedModel", prepared.model)
    model.config.id2label = dict(enumerate(data.label_names))
    model.config.label2id = {name: number for number, name in enumerate(data.label_names)}
    model.save_pretrained(directory)
    load_tokenizer(spec.workload.model).save_pretrained(directory)


def _failure(error: Exception, peaks: TrainingPeaks) -> Failed:
    """Say in one line how a run ended that did not end well."""
    trace = "".join(traceback.format_exception(error))
    reason = f"{type(error).__name__}: {error}".splitlines()[0]
    match error:
        case Unsupported():
            return Failed(status="skipped", reason=str(error))
        case Diverged():
            return Failed(status="diverged", reason=str(error), memory=peaks.end())
        case UsageError():
            return Failed(status="failed", reason=str(error), usage=True)
        case _ if _is_out_of_memory(error):
            return Failed(status="oom", reason=reason, traceback=trace, memory=peaks.end())
        case _:
            return Failed(status="failed", reason=reason, traceback=trace, memory=peaks.end())


def _is_out_of_memory(error: Exception) -> bool:
    """Recognise exhausted memory on a GPU, and the sentence with which torch reports it on a CPU."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or (
        isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
    )
