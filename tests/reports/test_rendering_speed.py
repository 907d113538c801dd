"""How long a report takes, in a process without torch."""

import random
import sys
import time

import pytest

from bench.analysis.comparison import compare
from reports import write_report

pytestmark = pytest.mark.perf


def _records(make_record, with_parts, num_strategies, num_seeds):
    """Runs with every figure's data, whose speed varies by seed as a real one's does."""
    draw = random.Random(0)
    first = [
        with_parts(make_record(f"s{index}", step=0.3 + index / 60, memory=(800 + index) << 20))
        for index in range(num_strategies)
    ]
    return [_again(record, seed, draw.uniform(0.97, 1.03)) for seed in range(num_seeds) for record in first]


def _again(record, seed, factor):
    speed, seconds = record.measured.samples_per_second * factor, record.measured.train_seconds / factor
    measured = record.measured.model_copy(update={"samples_per_second": speed, "train_seconds": seconds})
    return record.model_copy(update={"spec": record.spec.model_copy(update={"seed": seed}), "measured": measured})


@pytest.mark.parametrize("size", [(50, 10, 10), (20, 5000, 30)])
def test_rendering(make_record, with_parts, tmp_path, size):
    """A size is strategies, seeds, and the seconds that they may take."""
    num_strategies, num_seeds, limit = size
    records = _records(make_record, with_parts, num_strategies, num_seeds)
    started = time.perf_counter()
    page = write_report([compare(records)], tmp_path)
    seconds = time.perf_counter() - started
    verdict = "PASS" if seconds < limit else "SHORT"
    print(f"{verdict} {len(records):,} runs: {seconds:.1f} s of {limit} s, {page.stat().st_size / 1024:.0f} KiB")  # noqa: T201
    assert "torch" not in sys.modules
