"""Runs that several real processes share, on gloo."""

from __future__ import annotations

import re
import time
from multiprocessing import forkserver
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from bench.campaign.executing import only
from bench.executors import Runner
from bench.experiment.spec import RunSpec, parse_strategy
from bench.protocol import Forecasted, Progress, Request, Said
from bench.training.parallel.single import Single
from bench.worker.meeting import has_lost_a_peer, pids_beside

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from bench.experiment.spec import WorkloadSpec
    from bench.protocol import Message
    from bench.records.record import RunRecord

    Share = Callable[..., RunRecord]

SECONDS = 20


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCH_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("BENCH_LOCK_DIR", str(tmp_path_factory.mktemp("locks")))
        patch.setenv("BENCH_CHECKPOINT_SECONDS", "0")  # of the runs that are asked to write any
        with Runner(grace_seconds=5) as runner:
            yield runner


@pytest.fixture
def share(runner: Runner, workload: WorkloadSpec) -> Share:
    """Carry out a run with two processes, or as many as asked for."""

    def carry_out(
        text: str = "full",
        on_message: Callable[[Message], None] = lambda _: None,
        *,
        num: int | None = 2,
        steps: int = 7,
        save_model: Path | None = None,
        checkpoint: Path | None = None,
        lr: float | None = None,
        forecast: bool = False,
    ) -> RunRecord:
        strategy = parse_strategy(text)
        spec = RunSpec(strategy=strategy, workload=workload, batch_size=10, steps=steps, num_processes=num, lr=lr)
        kept = {"save_model": save_model, "checkpoint": checkpoint}
        asked = {name: str(path) for name, path in kept.items() if path}
        return only(runner, Request(spec=spec, forecast=forecast, **asked), on_message)

    return carry_out


def test_two_processes_train_measure_and_keep_what_one_does(share: Share, tmp_path: Path) -> None:
    alone, shared = share(num=None), share(save_model=tmp_path / "kept")
    assert shared.status == "ok", shared.reason
    assert alone.measured is not None
    assert shared.measured is not None
    assert shared.measured.losses == pytest.approx(alone.measured.losses, rel=1e-5)
    assert shared.measured.evaluation.correct == alone.measured.evaluation.correct
    assert shared.measured.num_samples == alone.measured.num_samples
    assert shared.measured.step_tokens == alone.measured.step_tokens
    assert [point.step for point in shared.measured.curve] == [point.step for point in alone.measured.curve]
    assert shared.measured.step_parts is not None
    assert shared.measured.step_parts.communication
    assert alone.measured.step_parts is not None
    assert alone.measured.step_parts.communication is None
    assert alone.measured.ranks is None
    assert shared.measured.ranks is not None
    assert all(shared.measured.ranks.peak_bytes)
    assert shared.measured.memory.training_bytes == max(filter(None, shared.measured.ranks.peak_bytes))
    assert (alone.micro_batch_size, shared.micro_batch_size) == (10, 5)
    assert shared.measured.host is not None
    assert "replicas-differ" not in [flag.code for flag in shared.flags]
    assert (tmp_path / "kept" / "model.safetensors").is_file()


def test_what_is_forecast_in_parts_trains_in_parts_in_the_same_process(share: Share) -> None:
    told: list[Message] = []
    alone, shared = share(num=None), share("full+shard", told.append, forecast=True)
    assert shared.status == "ok", shared.reason
    assert alone.measured is not None
    assert shared.measured is not None
    assert shared.measured.losses == pytest.approx(alone.measured.losses, rel=1e-5)
    (forecast,) = (message.forecast for message in told if isinstance(message, Forecasted))
    assert forecast is not None
    assert forecast.num_params == shared.measured.num_params
    assert "the C library" in str(forecast.unproven)
    assert alone.measured.work is not None
    assert shared.measured.work is not None
    assert shared.measured.work.step_flops == alone.measured.work.step_flops


def test_a_process_that_is_killed_in_mid_run_is_the_reason_and_its_peer_ends(share: Share) -> None:
    killed: list[int] = []
    others: list[int] = []
    at = 0.0

    def kill(message: Message) -> None:
        nonlocal at
        if isinstance(message, Progress) and message.done == 3 and not killed:
            runs = runs_of()
            others.append(runs[-2])
            killed.append(runs[-1])
            at = time.monotonic()
            psutil.Process(runs[-1]).kill()

    record = share("full", kill, steps=5000)
    assert record.status == "killed"
    assert str(record.reason).startswith("rank 1 of 2: its process was ended by SIGKILL")
    assert time.monotonic() - at < SECONDS
    assert not psutil.pid_exists(others[0])
    assert share().status == "ok", "the next run goes on"


@pytest.mark.parametrize(
    "text", ["full", *(pytest.param(one, marks=pytest.mark.slow) for one in ("full+shard", "amp:dtype=fp16+shard"))]
)
def test_a_run_that_lost_a_process_goes_on_from_the_checkpoint_of_all(share: Share, tmp_path: Path, text: str) -> None:
    path, steps, said = tmp_path / "checkpoints" / "run.pt", 40, list[str]()
    whole = share(text, steps=steps)
    killed: list[int] = []

    def kill(message: Message) -> None:
        if isinstance(message, Said) and message.text.startswith("checkpoint after 3 steps"):
            killed.append(runs_of()[-1])
            psutil.Process(killed[0]).kill()

    lost = share(text, kill, steps=steps, checkpoint=path)
    assert (lost.status, len(killed)) == ("killed", 1), lost.reason
    found = share(
        text,
        lambda message: said.append(message.text) if isinstance(message, Said) else None,
        steps=steps,
        checkpoint=path,
    )

    assert re.fullmatch(rf"it goes on from its checkpoint, after [3-9]\d? of {steps} steps", said[0])
    assert found.measured is not None, found.reason
    assert whole.measured is not None
    assert found.measured.losses == whole.measured.losses
    assert found.measured.evaluation.loss == whole.measured.evaluation.loss
    assert found.measured.checkpoint_seconds
    assert "resumed-within" in {flag.code for flag in found.flags}


def runs_of() -> list[int]:
    """The processes of the run, in the order of ranks: those that the fork server of this process has started."""
    server: Any = forkserver._forkserver  # type: ignore[attr-defined]
    return sorted(one.pid for one in psutil.Process(server._forkserver_pid).children())


def test_only_what_comes_of_a_lost_peer_is_laid_to_it() -> None:
    assert not has_lost_a_peer(RuntimeError("Connection closed by peer")), "there is none"


def test_one_process_has_none_beside_it() -> None:
    assert pids_beside(Single()) == []
