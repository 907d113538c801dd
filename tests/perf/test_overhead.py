"""What all instruments together cost a step, against a bare loop over the same batches.

    tox -e perf -- -k overhead

One process, the same model: a stretch of steps with nothing but forward, backward and update, and
a stretch through the real loop with its clock, its messages, its memory peaks and its watch on
neighbours, in turn. The messages go to a process that reads them and draws the live display, as
`bench compare` does in a terminal; while the bare loop runs, that process is stopped.
"""

from __future__ import annotations

import os
import signal
import time
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from bench.campaign.progress import Display
from bench.experiment.spec import RunSpec, parse_strategy
from bench.measuring.peaks import Peaks
from bench.protocol import read_message
from bench.tasks.classification import loss_of
from bench.training.trainer import Schedule
from bench.worker.measurement import StartingPoint
from bench.worker.run import Run
from bench.workload.data.batches import ordered_batches
from tests.perf.ours import prepare_ours
from tests.perf.pairs import NUM_PAIRS, ratio
from tests.perf.results import in_words
from tests.perf.side import BATCH_SIZE, MODELS, NUM_ROWS, load

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from multiprocessing.connection import Connection

    import numpy as np
    from numpy.typing import NDArray
    from pytest_benchmark.fixture import BenchmarkFixture

    from bench.training.prepared import Prepared
    from tests.perf.results import Results
    from tests.perf.side import Work

STEPS = {"smollm2-135m": 6, "minilm-l6": 32}
"""In each stretch. What happens once in a run is a larger part of a short stretch: 32 steps are a default run."""
STRETCHES = 4
"""For each of NUM_PAIRS: a stretch of each kind makes a pair."""
MOST = 1.01

pytestmark = [pytest.mark.perf, pytest.mark.assets, pytest.mark.timeout(0)]


def read_and_draw(connection: Connection) -> None:
    """Do what the parent of a run does: read its messages and draw them."""
    with (
        Path(os.devnull).open("w", encoding="utf-8") as nowhere,
        Display(Console(file=nowhere, force_terminal=True), 1) as display,
    ):
        display.begin("run", RunSpec(strategy=parse_strategy("full")))
        while message := connection.recv_bytes():
            display.message(read_message(message))


def bare(prepared: Prepared, work: Work, batches: Sequence[NDArray[np.int64]]) -> float:
    began = time.perf_counter()
    for rows in batches:
        batch = prepared.batch(work.data.train, rows)
        loss = loss_of(prepared.logits(batch), batch.targets)
        loss.backward()
        prepared.precision.step(prepared.optimizer, prepared.trained, 1.0)
        float(loss.detach())
    return time.perf_counter() - began


def watched(prepared: Prepared, work: Work, batches: Sequence[NDArray[np.int64]], send: Callable[[Any], None]) -> float:
    run = Run(
        spec=RunSpec(strategy=parse_strategy("full"), evaluations=1),
        data=work.data,
        prepared=prepared,
        start=StartingPoint(head="fresh", flags=()),
        schedule=Schedule(epochs=[batches]),
        send=send,
        peaks=Peaks(prepared.device),
    )
    trained = run.train()
    run.contention.stop()
    return trained.seconds


@pytest.mark.parametrize("strategy", ["full", "freeze"])
@pytest.mark.parametrize("model", MODELS)
def test_overhead(
    benchmark: BenchmarkFixture, results: Results, say: Callable[[str], None], *, model: str, strategy: str
) -> None:
    work = load(strategy, model, NUM_ROWS)
    prepared = prepare_ours(work)
    batches = ordered_batches(work.data.train.lengths, BATCH_SIZE, seed=0, epoch=0)[: STEPS[model]]
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    reader = context.Process(target=read_and_draw, args=(theirs,), daemon=True)
    reader.start()

    def send(message: Any) -> None:
        ours.send_bytes(message.model_dump_json().encode())

    bare(prepared, work, batches)

    def alone() -> float:
        assert reader.pid is not None
        os.kill(reader.pid, signal.SIGSTOP)
        try:
            return bare(prepared, work, batches)
        finally:
            os.kill(reader.pid, signal.SIGCONT)

    def both() -> tuple[float, float]:
        turns = [alone, lambda: watched(prepared, work, batches, send)]
        seconds = {which: turns[which]() for which in ((0, 1) if len(measured) % 2 else (1, 0))}
        return seconds[0], seconds[1]

    measured: list[tuple[float, float]] = []
    benchmark.pedantic(lambda: measured.append(both()), rounds=NUM_PAIRS * STRETCHES)
    ours.send_bytes(b"")
    reader.join(10)
    without, with_all = zip(*measured, strict=True)
    cost = ratio(with_all, without)
    row = {"model": model, "strategy": f"`{strategy}`", "step time with all instruments / bare (95 %)": in_words(cost)}
    say(results.add("What measuring costs", row))
    results.judge(f"{model} {strategy} overhead", cost.estimate, most=MOST)
