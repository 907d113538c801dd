"""A step by oneDNN's products and by torch's own choice, turn by turn.

tox -e perf -- -k linear
"""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

import pytest
import torch

from bench.training.savings import onednn_linear
from bench.workload.data.batches import ordered_batches
from tests.perf.ours import make_ready, train_ready
from tests.perf.pairs import Pairs, ratio
from tests.perf.results import in_words, number
from tests.perf.side import BATCH_SIZE, MODELS, load

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_benchmark.fixture import BenchmarkFixture

    from tests.perf.processes import Call
    from tests.perf.results import Results
    from tests.perf.side import Done

NUM_ROWS = 128
NUM_WARMUP_STEPS = 2

pytestmark = [pytest.mark.perf, pytest.mark.assets, pytest.mark.timeout(0)]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("strategy", ["freeze", "full"])
def test_linear(
    benchmark: BenchmarkFixture, results: Results, say: Callable[[str], None], bench: Call, *, model: str, strategy: str
) -> None:
    if not onednn_linear.is_by_onednn(torch.float32, torch.device("cpu")):
        pytest.skip("on this CPU products are as torch chooses")
    batches = ordered_batches(load(strategy, model, NUM_ROWS).data.train.lengths, BATCH_SIZE, seed=0, epoch=0)
    pairs: Pairs[Done, Done] = Pairs()

    def get_ready() -> None:
        bench(make_ready, strategy, model, NUM_ROWS)

    def as_torch_chooses() -> Done:
        bench(make_ready_as_torch_chooses, strategy, model)
        return bench(train_ready, [batches])

    pairs.measure(benchmark, as_torch_chooses, lambda _: bench(train_ready, [batches]), get_ready=get_ready)
    theirs, ours = (
        [median(done.step_seconds[NUM_WARMUP_STEPS:]) for done in side] for side in (pairs.theirs, pairs.ours)
    )
    faster = ratio(theirs, ours)
    benchmark.extra_info.update(theirs=theirs, ours=ours)
    row = {
        "model": model,
        "strategy": f"`{strategy}`",
        "as torch chooses, s": number(median(theirs)),
        "by oneDNN, s": number(median(ours)),
        "times as fast (95 %)": in_words(faster),
    }
    say(results.add("A step by oneDNN's products", row))


def make_ready_as_torch_chooses(strategy: str, model: str) -> None:
    """Make the process ready without oneDNN's products."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bench.training.prepare.is_by_onednn", lambda *_: False)
        make_ready(strategy, model, NUM_ROWS)
