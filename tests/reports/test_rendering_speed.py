"""How long a report takes, in a process without torch."""

import sys
import time

import pytest

from bench.comparison import compare
from reports import write_report

pytestmark = pytest.mark.perf


def _records(make_record, num_strategies, num_seeds):
    first = [
        make_record(f"s{index}", step=0.3 + index / 60, memory=(800 + index) << 20) for index in range(num_strategies)
    ]
    return [
        record.model_copy(update={"spec": record.spec.model_copy(update={"seed": seed})})
        for seed in range(num_seeds)
        for record in first
    ]


@pytest.mark.parametrize(("num_strategies", "num_seeds", "limit"), [(50, 10, 10), (20, 5000, 30)])
def test_rendering(make_record, tmp_path, num_strategies, num_seeds, limit):
    records = _records(make_record, num_strategies, num_seeds)
    started = time.perf_counter()
    page = write_report(compare(records), tmp_path)
    seconds = time.perf_counter() - started
    print(f"{len(records):,} runs: {seconds:.1f} s, {page.stat().st_size / 1024:.0f} KiB")  # noqa: T201
    assert "torch" not in sys.modules
    assert seconds < limit
