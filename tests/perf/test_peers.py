"""Against transformers' Trainer, turn by turn.

    tox -e perf -- -k peers
    tox -e perf -- "tests/perf/test_peers.py::test_peers[smollm2-135m-random-full]"

"random" is the Trainer as it comes; both sides train on the batches that its sampler draws. "grouped" is
the Trainer of an informed user, who groups rows by length: each side trains on batches of its own
order, drawn evenly from those of 2,000 rows. Each side has a process of its own: that of the Trainer
is started as a user starts it, ours with the environment of a run. BENCH_PERF_PAIRS, BENCH_PERF_ROWS and
BENCH_PERF_STEPS shorten a trial, and BENCH_PERF_DEVICE=cuda takes it to a GPU (CONTRIBUTING.md).
"""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

import numpy as np
import pytest

from bench.errors import Unsupported
from bench.workload.data.batches import ordered_batches
from tests.perf.hf import draw_epochs, load_and_train
from tests.perf.ours import make_ready, train_ready
from tests.perf.pairs import Pairs, ratio
from tests.perf.results import in_words, number
from tests.perf.side import BATCH_SIZE, DEVICE, EPOCHS, MAX_STEPS, MODELS, NUM_ROWS, load

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from pytest_benchmark.fixture import BenchmarkFixture

    from tests.perf.processes import Call
    from tests.perf.results import Results
    from tests.perf.side import Done, Epochs

GROUPED_ROWS = 2000
GROUPED_STEPS = 24
NUM_REPLAYED = 3
"""Steps of their batches that both sides take first: to warm up, and to compare the losses."""
FP32_TOLERANCE = 1e-5 if DEVICE.type == "cpu" else 1e-4
"""Relative, of every step's loss; on a GPU the sums of a product are cut by its shape, and padding is part of that."""
BF16_TOLERANCE = 2e-2
FREEZING = ("freeze", "freeze+cached", "freeze:last=2", "freeze:last=2+cached")
STRATEGIES = (*FREEZING, "full", "full+compile", "amp", "amp+compile")
TITLES = {
    "random": "Against the Trainer as it comes, on the same batches",
    "grouped": "Against the Trainer with length grouping, each in its own order",
}
WANTED = {
    "random": {
        "full": 1.8,
        "amp": 1.6,
        "freeze+cached": 4.0,
        "freeze:last=2+cached": 3.0,
        "amp+compile": 2.2,
    },
    "grouped": {
        "full": 1.0,
        "amp": 1.15,
        "full+compile": 1.15,
        "amp+compile": 1.5,
        "freeze+cached": 4.0,
    },
}
"""How many times as fast ours should be."""

pytestmark = [pytest.mark.perf, pytest.mark.assets, pytest.mark.timeout(0)]


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("order", ["random", "grouped"])
@pytest.mark.parametrize("model", MODELS)
def test_peers(
    benchmark: BenchmarkFixture,
    results: Results,
    say: Callable[[str], None],
    transformers: Call,
    bench: Call,
    *,
    model: str,
    order: str,
    strategy: str,
) -> None:
    workload = (model, num_rows(order))
    work = load(strategy, *workload)
    their_epochs, our_epochs = epochs_of(order, work.data.train.lengths)
    replayed = [their_epochs[0][:NUM_REPLAYED]]
    precision, compiles = work.plan.precision, work.plan.compile
    pairs: Pairs[Done, Done] = Pairs()
    uncompiled: list[Done] = []

    def get_ready() -> None:
        bench(make_ready, strategy, *workload)

    def our_turn(_: None) -> Done:
        return bench(train_ready, our_epochs)

    def their_turn() -> Done:
        if compiles:
            bench(make_ready, strategy, *workload, compiled=False)
            uncompiled.append(bench(train_ready, our_epochs))
        return transformers(load_and_train, strategy, *workload, their_epochs)

    try:
        get_ready()
    except Unsupported as reason:
        pytest.skip(str(reason))
    first = bench(train_ready, replayed)
    check_losses(transformers(load_and_train, strategy, *workload, replayed), first, precision)
    pairs.measure(benchmark, their_turn, our_turn, get_ready=get_ready)

    faster = ratio(*([done.seconds_per_token for done in side] for side in (pairs.theirs, pairs.ours)))
    benchmark.extra_info.update(
        times_as_fast=(faster.estimate, *(faster.bounds or ())),
        theirs=[done.seconds_per_token for done in pairs.theirs],
        ours=[done.seconds_per_token for done in pairs.ours],
    )
    row = {
        "model": model,
        "strategy": f"`{strategy}`",
        "Trainer, tokens/s": number(1 / median(done.seconds_per_token for done in pairs.theirs)),
        "bench, tokens/s": number(1 / median(done.seconds_per_token for done in pairs.ours)),
        "times as fast (95 %)": in_words(faster),
        "set-up": set_up(pairs.ours, first.compile_seconds, uncompiled),
    }
    say(results.add(TITLES[order], row))
    if least := WANTED[order].get(strategy):
        results.judge(f"{model} {strategy} against {order}", faster.estimate, least=least)
    if order == "random":
        for their, our in zip(pairs.theirs, pairs.ours, strict=True):
            check_losses(their, our, precision)


def num_rows(order: str) -> int:
    """Rows of the data set that batches are drawn from; fewer steps than an epoch has train on some of them."""
    return GROUPED_ROWS if order == "grouped" else NUM_ROWS


def epochs_of(order: str, lengths: NDArray[np.int64]) -> tuple[Epochs, Epochs]:
    """Give the batches of their side and of ours."""
    theirs = draw_epochs(lengths, group_by_length=order == "grouped", num_epochs=EPOCHS)
    if order == "random":
        if MAX_STEPS is not None:  # as much padding as all of them have
            theirs = [drawn_evenly(theirs[0], MAX_STEPS // EPOCHS, by=lambda rows: padding(lengths[rows]))] * EPOCHS
        return theirs, theirs
    per_epoch = min(GROUPED_STEPS, MAX_STEPS or GROUPED_STEPS) // EPOCHS
    ours = ordered_batches(lengths, BATCH_SIZE, seed=0, epoch=0)
    # Short batches and long ones: grouping begins with the longest, which would not be fair.
    drawn = (drawn_evenly(batches, per_epoch, by=lambda rows: lengths[rows].sum()) for batches in (theirs[0], ours))
    return tuple([batches] * EPOCHS for batches in drawn)  # type: ignore[return-value]


def drawn_evenly(
    batches: Sequence[NDArray[np.int64]], num_drawn: int, *, by: Callable[[NDArray[np.int64]], float]
) -> list[NDArray[np.int64]]:
    """Draw some batches: evenly from all of them, sorted."""
    ordered = sorted(batches, key=by)
    places = (np.arange(num_drawn) + 0.5) * len(batches) / num_drawn
    order = np.random.default_rng(0).permutation(num_drawn)
    return [ordered[place] for place in places.astype(int)[order]]


def padding(lengths: NDArray[np.int64]) -> float:
    """Tokens of a batch with padding over those without."""
    return float(len(lengths) * lengths.max() / lengths.sum())


def check_losses(their: Done, our: Done, precision: str) -> None:
    tolerance = FP32_TOLERANCE if precision == "fp32" else BF16_TOLERANCE
    assert our.losses == pytest.approx(their.losses, rel=tolerance)


def set_up(ours: Sequence[Done], compile_seconds: float, uncompiled: Sequence[Done]) -> str:
    """Say what comes before the first step: the cache is in the factor, compiling, once per process, is not."""
    said = []
    if cache := median(done.cache_seconds for done in ours):
        said.append(f"cache {number(cache)} s, counted")
    if compile_seconds:
        plain, compiled = (median(sum(done.step_seconds) for done in side) for side in (uncompiled, ours))
        saved = (plain - compiled) / len(ours[0].step_seconds)
        repaid = f"repaid after {number(compile_seconds / saved)} steps" if saved > 0 else "never repaid"
        said.append(f"compiling {number(compile_seconds)} s, not counted, {repaid}")
    return "; ".join(said)
