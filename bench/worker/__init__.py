"""One run, inside its own process: from a request to the message that ends it."""

from __future__ import annotations

import time
import traceback
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

import torch

from bench.errors import Diverged, Unsupported, UsageError
from bench.experiment import registry
from bench.measuring.peaks import Peaks
from bench.plan.compose import compose
from bench.plan.describe import changes
from bench.protocol import DataRead, Failed, Finished, Phase, Planned, Progress, Request, Saved
from bench.training.forward.cached import Shelf
from bench.training.forward.initial_loss import initial_loss
from bench.training.prepare import prepare
from bench.training.schedule import dry_schedule, schedule_of
from bench.worker.measurement import StartingPoint
from bench.worker.run import Run
from bench.workload.data.dataset import load_data
from bench.workload.models.digest import model_digest
from bench.workload.models.layers import view_of
from bench.workload.models.load import load_model, load_tokenizer
from bench.workload.models.quiet import quiet
from bench.workload.presets import rates_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from transformers import PreTrainedModel

    from bench.experiment.spec import RunSpec
    from bench.plan.train_plan import TrainPlan
    from bench.plan.view import ModelView
    from bench.protocol import Message
    from bench.training.prepared import Prepared
    from bench.workload.data.dataset import Data

    Send = Callable[[Message], None]

__all__ = ["main", "plan_of"]


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

    peaks = Peaks(_device(request.spec))
    try:
        send(_carry_out(request, send, peaks))
    except Exception as error:  # noqa: BLE001  (whatever a strategy or a library raises becomes a row)
        # What a first step was good for is no fault of the request: the other runs go on.
        send(_failure(error, peaks, ends_all=request.mode != "run"))


def _carry_out(request: Request, send: Send, peaks: Peaks) -> Finished | Saved:
    spec, began = request.spec, time.perf_counter()
    send(Phase(name="fetch", at=time.monotonic()))
    data = load_data(spec.workload, report=lambda done, total: send(Progress(done=done, total=total, unit="bytes")))
    workload = spec.workload
    peaks.before_weights()
    loaded = load_model(workload.model, labels=data.label_names, seed=spec.seed, head=workload.head)
    digest = model_digest(workload.model)
    if request.mode == "prepare":
        send(DataRead(data=data.summary))
        return Finished()
    if spec.device != "cpu" and not torch.cuda.is_available():
        msg = f"the driver has a GPU, but torch {torch.__version__} cannot use it; give --device cpu, or install a torch for its CUDA"
        raise UsageError(msg)
    send(Phase(name="load", at=time.monotonic()))
    view = view_of(loaded.model, loaded.fresh)
    plan = plan_of(spec, view)
    schedule = (dry_schedule if request.mode == "dry" else schedule_of)(spec, data.train)
    start = StartingPoint(head=str(loaded.head), flags=loaded.flags, model_digest=digest)
    if request.mode == "run":
        asked = time.perf_counter()
        loss = initial_loss(loaded.model, data.train, schedule.epochs[0][0], data.pad_token_id)
        start, began = replace(start, initial_loss=loss), began + time.perf_counter() - asked
    prepared = prepare(
        loaded.model,
        view,
        # A dry step finds out whether the plan fits; compiling, which each run does and pays for, can wait.
        replace(plan, compile=False) if request.mode == "dry" else plan,
        split=data.train,
        pad_token_id=data.pad_token_id,
        rates=rates_of(spec.workload.model),
        device=_device(spec),
        weight_decay=spec.weight_decay,
        shelf=_shelf(request, data, digest),
    )
    send(
        Planned(
            changes=changes(plan, view),
            num_steps=schedule.num_steps,
            num_params=prepared.num_params,
            num_trainable_params=prepared.num_trainable_params,
            cache_bytes=_cache_bytes(prepared, spec, data),
        )
    )
    run = Run(spec=spec, data=data, prepared=prepared, start=start, schedule=schedule, send=send, peaks=peaks)
    if request.mode == "dry":
        return run.dry()
    run.warm_up()
    finished = run.whole(load_seconds=time.perf_counter() - began)
    if not request.save_model:
        return finished
    send(finished)
    send(Phase(name="save", at=time.monotonic()))
    _save(prepared, spec, Path(request.save_model))
    return Saved()


def plan_of(spec: RunSpec, view: ModelView) -> TrainPlan:
    """Compose the strategies of a run, with the learning rate that it asks for.

    Raises:
        UsageError: a strategy does not exist, or two contradict.

    """
    plan = compose([registry.load(term) for term in spec.strategy], view)
    return plan if spec.lr is None else plan.with_lr(spec.lr)


def _cache_bytes(prepared: Prepared, spec: RunSpec, data: Data) -> int | None:
    """Say what a whole run stores of its frozen layers, before it does."""
    rows = schedule_of(spec, data.train).rows
    return None if prepared.cache is None else prepared.cache.num_bytes(data.train, rows)


def _device(spec: RunSpec) -> torch.device:
    """A run sees the GPU that it was lent as its first and only one."""
    return torch.device(spec.device.partition(":")[0])


def _shelf(request: Request, data: Data, model_digest: str) -> Shelf | None:
    """Find the place that equal runs share; a dry run stores nothing that is worth it."""
    if request.shelf is None or request.mode == "dry":
        return None
    return Shelf(Path(request.shelf), f"{request.spec.workload.model_dump_json()} {data.digest} {model_digest}")


def _save(prepared: Prepared, spec: RunSpec, directory: Path) -> None:
    """Keep the trained weights, an adapter alone where there is one, in the layout of transformers."""
    prepared.forward.close()
    model = cast("PreTrainedModel", prepared.model)
    with quiet():
        model.save_pretrained(directory)
        load_tokenizer(spec.workload.model).save_pretrained(directory)


def _failure(error: Exception, peaks: Peaks, *, ends_all: bool) -> Failed:
    """Say in one line how a run ended that did not end well."""
    trace = "".join(traceback.format_exception(error))
    reason = f"{type(error).__name__}: {error}".splitlines()[0]
    match error:
        case Unsupported():
            return Failed(status="skipped", reason=str(error))
        case Diverged():
            return Failed(status="diverged", reason=str(error), memory=peaks.end())
        case UsageError():
            return Failed(status="failed", reason=str(error), usage=ends_all)
        case _ if _is_out_of_memory(error):
            return Failed(status="oom", reason=reason, traceback=trace, memory=peaks.end())
        case _:
            return Failed(status="failed", reason=reason, traceback=trace, memory=peaks.end())


def _is_out_of_memory(error: Exception) -> bool:
    """Recognise exhausted memory: by torch's allocator on a GPU, by CUDA and its libraries beside it, and on a CPU."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or (
        isinstance(error, RuntimeError) and any(sentence in str(error) for sentence in _OUT_OF_MEMORY)
    )


_OUT_OF_MEMORY = ("can't allocate memory", "CUDA error: out of memory", "CUBLAS_STATUS_ALLOC_FAILED")
