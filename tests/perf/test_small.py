"""A model so small that what a step starts takes its time, on one thread of a CPU, against transformers' Trainer, turn by turn.

tox -e perf -- -k small
"""

from __future__ import annotations

import time
from functools import partial
from statistics import median
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from tests.perf.launches import Size, ours, trainers
from tests.perf.pairs import Pairs, ratio
from tests.perf.results import in_words, number

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_benchmark.fixture import BenchmarkFixture

    from tests.perf.processes import Call
    from tests.perf.results import Results

SMALL = Size("30 layers of width 64, 16 tokens a step", 64, 30, 4, 2, 1024, 4, (4, 2), 24, 5)
NUM_WARMUP_STEPS = 4
TOLERANCES = {"amp": 5e-3}
"""Of a loss, in nats; 1e-5 where it is computed in fp32."""

pytestmark = [pytest.mark.perf, pytest.mark.timeout(0)]


@pytest.mark.parametrize("strategy", ["full", "freeze", "amp"])
def test_small(
    benchmark: BenchmarkFixture,
    results: Results,
    say: Callable[[str], None],
    transformers: Call,
    bench: Call,
    *,
    strategy: str,
) -> None:
    pairs: Pairs[tuple[float, list[float]], tuple[float, list[float]]] = Pairs()
    bench(train, "ours", strategy)
    transformers(train, "trainers", strategy)
    pairs.measure(
        benchmark,
        lambda: transformers(train, "trainers", strategy),
        lambda _: bench(train, "ours", strategy),
        get_ready=lambda: None,
    )
    for (_, their_losses), (_, our_losses) in zip(pairs.theirs, pairs.ours, strict=True):
        assert our_losses == pytest.approx(their_losses, abs=TOLERANCES.get(strategy, 1e-5))
    theirs, own = ([seconds for seconds, _ in side] for side in (pairs.theirs, pairs.ours))
    faster = ratio(theirs, own)
    row = {
        "strategy": f"`{strategy}`",
        "Trainer, ms of CPU": number(1000 * median(theirs)),
        "bench, ms of CPU": number(1000 * median(own)),
        "times as fast (95 %)": in_words(faster),
    }
    say(results.add(f"A step of {SMALL.name}, one thread", row))
    results.judge(f"{strategy} against the Trainer", faster.estimate, least=1.0)


def train(side: str, strategy: str) -> tuple[float, list[float]]:
    """Train a fresh model on one thread; the median of a step in seconds of this thread's CPU time, and the losses."""
    torch.set_num_threads(1)
    marks: list[float] = []
    losses = {"ours": partial(ours, by_counts=True), "trainers": trainers}[side](
        strategy, SMALL, lambda: marks.append(time.thread_time())
    )
    return float(np.median(np.diff(marks)[NUM_WARMUP_STEPS:])), losses
