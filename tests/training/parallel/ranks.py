"""Two ranks on a CPU, started once for a module of tests: each is told a case at a time, as a line of JSON, and answers with one."""

from __future__ import annotations

import gc
import hashlib
import json
import subprocess
import sys
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest
import torch
import torch.distributed as dist
from torch._dynamo.utils import counters
from torch.distributed.device_mesh import init_device_mesh
from transformers import LlamaForSequenceClassification

from bench.experiment import registry
from bench.experiment.spec import parse_strategy
from bench.forecasting.steps import trace
from bench.forecasting.training import Training
from bench.measuring.torch_memory import allocated_bytes
from bench.plan.compose import compose
from bench.training.evaluation import predict
from bench.training.here import import_needed
from bench.training.parallel.buckets import BUCKET_BYTES
from bench.training.parallel.group import joined
from bench.training.parallel.replicate import Replicate
from bench.training.set_up import warm_up
from bench.training.trainer import Schedule, train
from bench.worker.efficiency import flops_of_steps
from bench.workload.models.layers import view_of
from bench.workload.toy import tiny_llama, toy_split
from tests.applied import CPU, applied
from tests.going_on import Killed, Process

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from torch import nn
    from transformers import PreTrainedModel

    from bench.training.forward.choose import ForwardChoice
    from bench.training.parallel.group import Group

__all__ = ["Attempt", "Case", "Outcome", "ask_ranks", "outcome_of", "peaks_of"]

SPLIT = toy_split(23, longest=20)
EPOCH = [np.arange(8), np.arange(8, 22), np.array([int(SPLIT.lengths.argmin())]), np.array([22, 3, 5])]
"""Ragged batches: one that two ranks share evenly, one of a single row, one that they cannot share evenly."""


@dataclass(frozen=True)
class Case:
    """What is to be trained, and how."""

    strategy: str
    max_grad_norm: float = 1.0
    num_tokens: int = 64
    """Of the vocabulary."""
    has_biases: bool = False
    num_epochs: int = 2
    is_only_traced: bool = False
    """What layers are compiled to runs as torch has traced it, since to make machine code of each takes half a minute."""
    is_beside_gpus: bool = False
    """Parts that are offloaded wait in a CPU's memory as those of GPUs would: nothing refuses that, and their mesh is of GPUs."""
    bucket_bytes: int = BUCKET_BYTES
    """Of gradients that are sent at once."""
    is_sent_after: bool = False
    """Whether gradients are sent once the backward pass is over, as none need be."""
    is_traced: bool = False
    """Whether its memory is followed, as a forecast does it, in place of the training."""


@dataclass(frozen=True)
class Attempt:
    """A run of `tests.going_on` that goes on from its checkpoint, where there is one at `path`."""

    strategy: str
    path: str
    every: float = 1e9
    stop: int | None = None
    """After this step all ranks are gone."""


@dataclass(frozen=True)
class Outcome:
    """What came of it, by one rank."""

    losses: list[float]
    num_tokens: list[int]
    weights: list[float]
    """The sum of each parameter of the model, by name."""
    digest: str
    """Of the bits of all of them."""
    grad_dtypes: list[str]
    parts: list[str] = field(default_factory=list)
    """Of a step, as the clock names them."""
    num_params: int = 0
    reduced_dtypes: list[str] = field(default_factory=list)
    """In which gradients that are cut among ranks were summed."""
    evaluated: list[float] = field(default_factory=list)
    """The loss of each row after training."""
    param_devices: list[str] = field(default_factory=list)
    """Where parameters wait."""
    num_graphs: list[int] = field(default_factory=list)
    """That layers have been compiled to by the end of each step, in increasing order."""
    held_bytes: int = 0
    """Of a GPU after training, by live tensors."""
    said: list[str] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)
    num_early: int = 0
    """Messages that were begun within a backward pass."""
    peaks: list[list[Any]] = field(default_factory=list)
    """Bytes of each kind of memory at the peaks of a step, after number, name and place of the slot."""
    flops: list[int] = field(default_factory=list)
    """Of every step, of all ranks together."""
    error: str = ""


def outcome_of(case: Case, group: Group | None = None, device: torch.device = CPU) -> Outcome:
    """Train as the case says, in this process alone or with others."""
    if case.is_traced:
        meshed = group and replace(group, mesh=init_device_mesh(device.type, (group.num_ranks,)))
        return Outcome([], [], [], "", [], peaks=peaks_of(case, _model(case), meshed))
    messages: list[bool] = []
    group = group and replace(group, begin_sum=partial(_noting_place, group.begin_sum, messages))
    if device.type == "cuda":
        gc.collect()  # of what an earlier case has left
    with pytest.MonkeyPatch.context() as patch:
        if case.is_only_traced:
            patch.setattr(torch, "compile", partial(torch.compile, backend="eager"))
        if case.is_beside_gpus:
            patch.setattr("bench.training.parallel.choose.check_offload", lambda *_: None)
        prepared = applied(case.strategy, _model(case), split=SPLIT, group=group, device=device)
    if case.is_sent_after:
        assert group is not None
        after = AfterBackward(group.rank, group.num_ranks, group.device, group.begin_sum)
        prepared = replace(prepared, parallel=after)
    if case.is_beside_gpus:
        cast("Any", prepared.trained[0]).device_mesh._device_type = "cuda"  # which all parts share
    warm_up(prepared, SPLIT, EPOCH)
    dtypes: set[str] = set()
    reduced: set[str] = set()
    num_graphs: set[int] = set()
    torch._dynamo.reset()
    counters.clear()
    prepared.optimizer.register_step_pre_hook(
        lambda *_: dtypes.update(str(param.grad.dtype) for param in prepared.trained if param.grad is not None)
    )
    schedule = Schedule(
        epochs=[EPOCH] * case.num_epochs, max_grad_norm=case.max_grad_norm, evaluate_after=frozenset({2, 5})
    )
    with _noting_sums(reduced), pytest.MonkeyPatch.context() as patch:
        patch.setattr("bench.training.parallel.buckets.BUCKET_BYTES", case.bucket_bytes)
        trained = train(
            prepared,
            SPLIT,
            schedule,
            on_step=lambda *_: num_graphs.add(counters["stats"]["unique_graphs"]),
            on_point=lambda *_: predict(prepared, SPLIT),
        )
    held, whole = allocated_bytes(device) or 0, _whole(prepared.model)
    return Outcome(
        losses=list(trained.losses),
        num_tokens=list(trained.step_tokens),
        weights=_sums(whole),
        digest=_digest(whole),
        grad_dtypes=sorted(dtypes),
        parts=sorted(trained.step_parts[-1]),
        num_params=prepared.num_params,
        reduced_dtypes=sorted(reduced),
        param_devices=sorted({param.device.type for param in prepared.model.parameters()}),
        num_graphs=sorted(num_graphs),
        held_bytes=held,
        evaluated=predict(prepared, SPLIT).losses.tolist(),
        num_early=sum(messages),
        flops=flops_of_steps(prepared, SPLIT, schedule)[0],
    )


def attempted(attempt: Attempt, group: Group | None = None) -> Outcome:
    """Train as the attempt says, until it stops."""
    process = Process(attempt.strategy, Path(attempt.path), every=attempt.every, group=group)
    losses: list[float] = []
    with suppress(Killed):
        losses = list(process.train(attempt.stop).losses)
    flags = [flag.code for flag in process.checkpoints.flags]
    return Outcome(losses, [], _sums(_whole(process.prepared.model)), "", [], said=process.said, flags=flags)


def _whole(model: nn.Module) -> dict[str, torch.Tensor]:
    """Its parameters, each put together of the parts of all ranks."""
    params = model.named_parameters()
    return {name: getattr(param.detach(), "full_tensor", param.detach)() for name, param in params}


def _sums(params: Mapping[str, torch.Tensor]) -> list[float]:
    return [float(params[name].double().sum()) for name in sorted(params)]


class AfterBackward(Replicate):
    """Sends nothing before the backward pass is over."""

    __slots__ = ("_params",)
    _params: list[torch.nn.Parameter]

    def last_backward(self, params: Iterable[torch.nn.Parameter], /) -> None:
        object.__setattr__(self, "_params", list(params))

    def reduce(self, loss: torch.Tensor, mark: Callable[[str], None], /) -> torch.Tensor:
        super().last_backward(self._params)
        return super().reduce(loss, mark)


def _noting_place(
    begin_sum: Callable[[torch.Tensor], Callable[[], object]], messages: list[bool], tensor: torch.Tensor
) -> Callable[[], object]:
    messages.append(torch._C._current_graph_task_id() >= 0)  # of the backward pass that runs
    return begin_sum(tensor)


def _digest(params: Mapping[str, torch.Tensor]) -> str:
    values = (params[name].cpu().contiguous().view(torch.uint8).numpy() for name in sorted(params))
    return hashlib.sha256(b"".join(map(np.ndarray.tobytes, values))).hexdigest()


def peaks_of(
    case: Case, model: PreTrainedModel, group: Group | None, choose: ForwardChoice | None = None
) -> list[list[Any]]:
    """Follow the memory of two steps on the longest rows."""
    view = view_of(model, num_steps=4, num_epochs=2)
    strategies = registry.strategies_of(parse_strategy(case.strategy))
    import_needed(strategies)
    plan = compose(strategies, view)
    training = Training(split=SPLIT, batch_size=8, num_processes=group.num_ranks if group else 1)
    traced = trace(model, view, plan, training, group=group, choose=choose)
    return [[*slot, *parts.tolist()] for slot, parts in traced.peaks.items()]


@contextmanager
def _noting_sums(dtypes: set[str]) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("reduce_scatter_tensor", "reduce_scatter_single"):  # the name has changed from torch to torch
            if plain := getattr(dist, name, None):
                patch.setattr(dist, name, _noting(plain, dtypes))
        yield


def _noting(plain: Callable[..., Any], dtypes: set[str]) -> Callable[..., Any]:
    def noting(*arguments: Any, **named: Any) -> Any:
        dtypes.update(str(one.dtype) for one in (*arguments, *named.values()) if isinstance(one, torch.Tensor))
        return plain(*arguments, **named)

    return noting


def _model(case: Case) -> PreTrainedModel:
    model = tiny_llama(num_tokens=case.num_tokens)
    if not case.has_biases:
        return model
    model.config.attention_bias = True
    torch.manual_seed(0)
    return LlamaForSequenceClassification(model.config)  # type: ignore[arg-type]


@contextmanager
def ask_ranks(num_ranks: int = 2, device: str = "cpu") -> Iterator[Callable[[Case | Attempt], list[Outcome]]]:
    """Start the ranks, and return what has them carry out a case; each is told it at once."""
    with TemporaryDirectory(prefix="bench-") as folder:
        arguments = [sys.executable, "-m", __name__, f"file://{folder}/meeting", device, str(num_ranks)]
        ranks = [
            subprocess.Popen(
                [*arguments, str(rank)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                cwd=Path(__file__).parents[3],
            )
            for rank in range(num_ranks)
        ]

        def ask(case: Case | Attempt) -> list[Outcome]:
            for process in ranks:
                assert process.stdin is not None
                process.stdin.write(json.dumps(asdict(case)) + "\n")
                process.stdin.flush()
            return [_answer(process) for process in ranks]

        try:
            yield ask
        finally:
            for process in ranks:
                process.kill()
                process.communicate()


def _answer(process: subprocess.Popen[str]) -> Outcome:
    assert process.stdout is not None
    told: Mapping[str, Any] = json.loads(process.stdout.readline())
    return Outcome(**told)


def _main(meeting: str, device: torch.device, num_ranks: int, rank: int) -> None:
    torch.set_num_threads(1)
    if device.type == "cuda":
        torch.cuda.set_device(rank)
    with joined(meeting, rank=rank, num_ranks=num_ranks, device=device) as group:
        for line in sys.stdin:
            try:
                asked = json.loads(line)
                is_attempt = "path" in asked
                told = attempted(Attempt(**asked), group) if is_attempt else outcome_of(Case(**asked), group, device)
            except Exception as error:  # noqa: BLE001  (the test says what it wanted)
                told = Outcome([], [], [], "", [], error=f"{type(error).__name__}: {error}")
            print(json.dumps(asdict(told)), flush=True)  # noqa: T201  (it is the answer)


if __name__ == "__main__":
    _main(sys.argv[1], torch.device(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
