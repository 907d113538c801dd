"""Achieved FLOP/s against the rate at which this machine multiplies matrices of the model's shapes.

tox -e perf -- -k limit --benchmark-json limit.json
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from bench.errors import Unsupported
from bench.measuring.flops import Extent
from bench.measuring.matmul_rate import matmul_rate, mfu
from bench.measuring.matmuls import PROBE_LENGTHS, read_shapes
from bench.training.forward.layout import num_pairs
from bench.training.savings.onednn_linear import fp32_matmuls, linear_for
from bench.workload.data.batches import ordered_batches
from bench.workload.data.dataset import Split
from tests.perf.ours import make_ready, prepare_ours, train_ready
from tests.perf.results import environment, number
from tests.perf.side import BATCH_SIZE, MODELS, load

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from pytest_benchmark.fixture import BenchmarkFixture

    from bench.training.prepared import Prepared
    from tests.perf.processes import Call
    from tests.perf.results import Results
    from tests.perf.side import Work

NUM_ROWS = int(os.environ.get("BENCH_PERF_ROWS", "128"))

pytestmark = [pytest.mark.perf, pytest.mark.assets, pytest.mark.timeout(0)]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("strategy", ["freeze", "freeze:last=2", "full", "full+compile", "amp", "amp+compile"])
def test_limit(
    benchmark: BenchmarkFixture,
    results: Results,
    say: Callable[[str], None],
    bench: Call,
    *,
    model: str,
    strategy: str,
) -> None:
    cpu = torch.device("cpu")
    work = load(strategy, model, NUM_ROWS).without_compile()  # what is compiled is not seen
    try:
        prepared = prepare_ours(work)
        bench(make_ready, strategy, model, NUM_ROWS)
    except Unsupported as reason:
        pytest.skip(str(reason))
    probe = Split(
        tokens=np.resize(work.data.train.tokens, sum(PROBE_LENGTHS)),
        offsets=np.cumsum([0, *PROBE_LENGTHS]),
        labels=np.zeros(len(PROBE_LENGTHS), dtype=np.int64),
    )
    shapes = read_shapes(lambda: prepared.logits(prepared.batch(probe, range(len(probe)))), prepared.params_by_layer)
    batches = ordered_batches(work.data.train.lengths, BATCH_SIZE, seed=0, epoch=0)
    extents = [extent_of(prepared, work, rows) for rows in batches]
    flops = [shapes.flops(extent).useful for extent in extents]
    rate = matmul_rate(
        shapes,
        sorted(extents, key=lambda extent: extent.tokens)[len(extents) // 2],
        dtype=prepared.precision.dtype,
        device=cpu,
        device_name=environment().device_name or "",
        linear=linear_for(prepared.precision.dtype, cpu),
        variant=fp32_matmuls(cpu),
    )
    options = {"rounds": 1, "warmup_rounds": 1}
    done = benchmark.pedantic(bench, args=(train_ready, [batches]), **options)  # type: ignore[no-untyped-call]
    shares = [mfu(*step, rate) for step in zip(flops, done.step_seconds, strict=True)]
    benchmark.extra_info.update(flops=flops, step_seconds=done.step_seconds, rate=rate, shares=shares)
    achieved = sum(flops) / sum(done.step_seconds)
    row = {
        "model": model,
        "strategy": f"`{strategy}`",
        "GFLOP/s": number(achieved / 1e9),
        "of the machine's": number(rate / 1e9),
        "share": f"{achieved / rate:.0%}",
    }
    say(results.add("Useful arithmetic, against the machine's own rate at the model's shapes", row))


def extent_of(prepared: Prepared, work: Work, rows: NDArray[np.int64]) -> Extent:
    """Say what a step computes: its tokens alone, or padding too; on a CPU attention pads in both cases."""
    lengths = work.data.train.lengths[rows]
    if prepared.batch(work.data.train, rows).num_computed > lengths.sum():
        return Extent.padded(lengths.tolist())
    return Extent.packed(lengths.tolist(), num_pairs=num_pairs(lengths))
