"""One run, inside its own process: from a request to the message that ends it.

assemble: data, model and plan. run: training, and what surrounds it. measurement: the record's numbers.
efficiency: FLOPs of the steps. keeping: what is kept of the model. failure: how a run ends that raised an error.
forecast: what a run takes, before its weights are read. fitted: the largest micro-batch that fits, by forecast.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import gettempdir
from typing import TYPE_CHECKING, Protocol

import torch

from bench.errors import Unsupported, UsageError
from bench.experiment import registry
from bench.measuring.peaks import Peaks
from bench.plan.phases import InTurn
from bench.plan.sharing import offloads
from bench.protocol import DataRead, Finished, Followed, Planned, Progress, Request, Saved, Stage
from bench.records.micro_batch import rows_of_process
from bench.training.activation_cache import CacheDirectory, check_room
from bench.training.checkpoints import EVERY_SECONDS
from bench.training.forward.choose import choose_forward
from bench.training.forward.initial_loss import initial_loss
from bench.training.forward.rule import way_on_cpu
from bench.training.schedule import dry_schedule, schedule_of
from bench.worker.assemble import load_inputs
from bench.worker.failure import failure
from bench.worker.fitted import fitted
from bench.worker.forecast import forecasted
from bench.worker.keeping import keep
from bench.worker.measurement import StartingPoint
from bench.worker.meeting import has_lost_a_peer, met
from bench.worker.run import Run
from bench.workload.data.dataset import load_data
from bench.workload.models.digest import model_digest

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.experiment.spec import RunSpec
    from bench.experiment.ways import Way
    from bench.plan.train_plan import TrainPlan
    from bench.protocol import Message
    from bench.training.parallel.group import Group
    from bench.training.prepared import Prepared
    from bench.training.trainer import Schedule
    from bench.worker.assemble import Inputs
    from bench.workload.data.dataset import Data

    Send = Callable[[Message], None]

__all__ = ["Connection", "main"]


class Connection(Protocol):
    """The end of a pipe that a run writes to."""

    def send_bytes(self, data: bytes, /) -> None:
        """Send one message."""
        ...


def main(connection: Connection, request_json: str) -> None:
    """Carry out a request and send what happens to `connection`: the entry of a run's process."""
    request = Request.model_validate_json(request_json)

    def send(message: Message) -> None:
        connection.send_bytes(message.model_dump_json().encode())

    peaks = Peaks(_device(request.spec))
    try:
        send(_fit(request.spec, send) if request.mode == "fit" else _carry_out(request, send, peaks))
    except Exception as error:  # noqa: BLE001  (whatever a strategy or a library raises becomes a row)
        # Where a dry step went well, the request is valid: the other runs go on.
        send(failure(error, peaks, ends_all=request.mode != "run", lost_a_peer=has_lost_a_peer(error)))


def _fit(spec: RunSpec, send: Send) -> Finished:
    send(Stage(name="fetch", at=time.monotonic()))
    send(fitted(spec, load_data(spec.workload, _reporting(send))))
    return Finished()


def _reporting(send: Send) -> Callable[[int, int], None]:
    """Return what tells how far a download is."""
    return lambda done, total: send(Progress(done=done, total=total, unit="bytes"))


def _carry_out(request: Request, send: Send, peaks: Peaks) -> Finished | Followed | Saved:
    spec, began = request.spec, time.perf_counter()
    send(Stage(name="fetch", at=time.monotonic()))

    def on_data(data: Data) -> None:
        if request.forecast:
            send(told := forecasted(spec, data))
            if told.does_not_fit and not request.force:
                raise Unsupported(told.does_not_fit)

    inputs = load_inputs(
        spec,
        validation=request.validation,
        report=_reporting(send),
        on_data=on_data,
        before_weights=peaks.before_weights,
    )
    data, digest = inputs.data, model_digest(spec.workload.model)
    if request.mode == "prepare":
        send(DataRead(data=data.summary, way=_way(inputs)))
        return Finished()
    if spec.device != "cpu" and not torch.cuda.is_available():
        msg = f"the driver has a GPU, but torch {torch.__version__} cannot use it; give --device cpu, or install a torch for its CUDA"
        raise UsageError(msg)
    send(Stage(name="load", at=time.monotonic()))
    start = StartingPoint(
        head=str(inputs.loaded.head),
        flags=inputs.loaded.flags,
        model_digest=digest,
        strategy_code=registry.code_of(spec.strategy),
    )
    schedule = (dry_schedule if request.mode == "dry" else schedule_of)(spec, data.train)
    if request.mode == "run":
        asked = time.perf_counter()
        loss = initial_loss(inputs.loaded.model, data.train, schedule.epochs[0][0], data.pad_token_id)
        start, began = replace(start, initial_loss=loss), began + time.perf_counter() - asked
    with met(request, _device(spec), with_host=offloads(inputs.plan.parallel)) as group:
        return _train(request, inputs, group=group, start=start, schedule=schedule, began=began, send=send, peaks=peaks)


def _train(
    request: Request,
    inputs: Inputs,
    *,
    group: Group | None,
    start: StartingPoint,
    schedule: Schedule,
    began: float,
    send: Send,
    peaks: Peaks,
) -> Finished | Followed | Saved:
    spec, data, plan = request.spec, inputs.data, inputs.plan
    prepared = inputs.prepare(
        _device(spec),
        group=group,
        plan=_tried(plan, inputs) if request.mode == "dry" else plan,
        choose=partial(choose_forward, forced=True) if request.way_is_forced else None,
        cache_directory=_cache_directory(request, data, start.model_digest),
    )
    send(
        Planned(
            changes=inputs.changes,
            num_steps=schedule.num_steps,
            num_params=prepared.num_params,
            num_trainable_params=prepared.num_trainable_params(schedule.turns(prepared.plan.phases).values()),
            micro_batch_size=min(plan.micro_batch_size or spec.batch_size, rows_of_process(spec)),
            cache_bytes=_cache_bytes(request, prepared, data),
        )
    )
    run = Run(spec=spec, data=data, prepared=prepared, start=start, schedule=schedule, send=send, peaks=peaks)
    every_seconds = _checkpoint_seconds()
    if request.mode == "dry":
        # Ranks would have to time them together.
        return run.dry(inputs.loaded.model, request.ways if group is None else ())
    if request.checkpoint:
        run.keep_checkpoints(Path(request.checkpoint), every_seconds=every_seconds)
    run.warm_up()
    done = run.follow() if request.rank else run.whole(load_seconds=time.perf_counter() - began)
    if not request.save_model:
        return done
    send(done)
    send(Stage(name="save", at=time.monotonic()))
    keep(prepared, inputs, Path(request.save_model))
    return Saved()


def _way(inputs: Inputs) -> Way | None:
    """Choose how all runs of a comparison on a CPU run their model; None elsewhere."""
    spec = inputs.spec
    if spec.device != "cpu":
        return None
    return way_on_cpu(inputs.loaded.model, inputs.data.train.lengths, spec.batch_size, spec.micro_batch_size)


def _tried(plan: TrainPlan, inputs: Inputs) -> TrainPlan:
    """What a dry step finds out of a plan: whether it fits at its largest; compiling, which each run pays for, can wait."""
    sizes = {param.name: param.num_params for layer in inputs.view.layers for param in layer.params}
    parts = schedule_of(inputs.spec, inputs.data.train).turns(plan.phases).values()
    most = max(parts, key=lambda part: sum(sizes[name] for name in inputs.view.params_of(part)))
    return replace(plan, compile=False, phases=InTurn(((0.0, most),)))


def _cache_bytes(request: Request, prepared: Prepared, data: Data) -> int | None:
    """Return the size of the activations that a whole run stores, before it does.

    Raises:
        Unsupported: the disk has no room for them.

    """
    if prepared.cache is None:
        return None
    num_bytes = prepared.cache.num_bytes(data.train, schedule_of(request.spec, data.train).rows)
    if request.mode == "dry":  # while nothing is stored yet
        check_room(num_bytes, Path(request.shelf or gettempdir()))
    return num_bytes


def _device(spec: RunSpec) -> torch.device:
    """Return the device of a run, which sees the GPU that it was lent as its first and only one."""
    return torch.device(spec.device.partition(":")[0])


def _checkpoint_seconds() -> float:
    """Return the seconds between two checkpoints of a run; the environment may say otherwise.

    Raises:
        UsageError: it says what is no number of seconds.

    """
    given = os.environ.get("BENCH_CHECKPOINT_SECONDS", EVERY_SECONDS)
    with suppress(ValueError):
        if (seconds := float(given)) >= 0:  # NaN is not
            return seconds
    raise UsageError(f"BENCH_CHECKPOINT_SECONDS is to be a number of seconds, 0 or more, and not {given!r}")


def _cache_directory(request: Request, data: Data, model_digest: str | None) -> CacheDirectory | None:
    """Return where equal runs share activations; a dry run stores none worth sharing."""
    if request.shelf is None or request.mode == "dry":
        return None
    return CacheDirectory(
        Path(request.shelf), f"{request.spec.workload.model_dump_json()} {data.digest} {model_digest}"
    )
