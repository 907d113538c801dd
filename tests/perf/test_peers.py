"""Against transformers' Trainer, on the same batches, turn by turn.

    tox -e perf -- tests/perf/test_peers.py --benchmark-json peers.json

BENCH_PERF_PAIRS (5), BENCH_PERF_ROWS (512) and BENCH_PERF_STEPS (two epochs) shorten a trial.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from bench import stats
from bench.errors import Unsupported
from bench.precision import resolve_dtype
from tests.perf.hf import train_with_transformers
from tests.perf.ours import prepare_ours, train_ours
from tests.perf.side import BATCH_SIZE, load

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

    from bench.prepared import Prepared
    from tests.perf.side import Done, Epochs, Work

NUM_PAIRS = int(os.environ.get("BENCH_PERF_PAIRS", "5"))
NUM_ROWS = int(os.environ.get("BENCH_PERF_ROWS", "512"))
NUM_STEPS = int(os.environ.get("BENCH_PERF_STEPS", 2 * -(-NUM_ROWS // BATCH_SIZE)))
FP32_TOLERANCE = 1e-5
"""Relative, of every step's loss."""
BF16_TOLERANCE = 2e-2
STRATEGIES = ("freeze", "freeze+cached", "freeze:last=2", "freeze:last=2+cached", "full", "amp", "amp+compile")

pytestmark = [pytest.mark.perf, pytest.mark.assets, pytest.mark.timeout(0)]


@pytest.mark.parametrize("model", ["minilm-l6", "smollm2-135m"])
@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("order", ["random", "grouped"])
def test_peers(
    benchmark: BenchmarkFixture, capsys: pytest.CaptureFixture[str], model: str, strategy: str, order: str
) -> None:
    precision = load(strategy, model=model, num_rows=NUM_ROWS).plan.precision
    try:
        resolve_dtype(precision, torch.device("cpu"))
    except Unsupported as reason:
        pytest.skip(str(reason))
    theirs: list[Done] = []
    ours: list[Done] = []

    def their_turn() -> tuple[tuple[Prepared, Work, Epochs], dict[str, object]]:
        work = load(strategy, model=model, num_rows=NUM_ROWS)
        theirs.append(train_with_transformers(work, num_steps=NUM_STEPS, group_by_length=order == "grouped"))
        work = load(strategy, model=model, num_rows=NUM_ROWS)
        return (prepare_ours(work), work, theirs[-1].epochs), {}

    def our_turn(prepared: Prepared, work: Work, epochs: Epochs) -> None:
        ours.append(train_ours(prepared, work, epochs))

    benchmark.pedantic(our_turn, setup=their_turn, rounds=NUM_PAIRS)  # type: ignore[no-untyped-call]
    whole = ratio([done.seconds for done in theirs], [done.seconds for done in ours])
    steps = ratio([done.seconds for done in theirs], [done.seconds - done.set_up_seconds for done in ours])
    benchmark.extra_info.update(
        whole=whole,
        steps=steps,
        theirs=[done.seconds for done in theirs],
        ours=[done.seconds for done in ours],
        set_up=[done.set_up_seconds for done in ours],
    )
    with capsys.disabled():
        print(f"\n{model} {strategy} against {order}: {in_words(whole)}; without set-up {in_words(steps)}")  # noqa: T201
    for their, our in zip(theirs, ours, strict=True):
        tolerance = FP32_TOLERANCE if precision == "fp32" else BF16_TOLERANCE
        assert our.losses == pytest.approx(their.losses, rel=tolerance)


def ratio(theirs: list[float], ours: list[float]) -> tuple[float, float | None, float | None]:
    """Medians' ratio, and a 95 % interval of the ratio from the pairs."""
    interval = stats.ratio(dict(enumerate(theirs)), dict(enumerate(ours)))
    low, high = (interval.low, interval.high) if interval else (None, None)
    return float(np.median(theirs) / np.median(ours)), low, high


def in_words(value: tuple[float, float | None, float | None]) -> str:
    middle, low, high = value
    return f"{middle:.2f}x" if low is None else f"{middle:.2f}x ({low:.2f} to {high:.2f})"
