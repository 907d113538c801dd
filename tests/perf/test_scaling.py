"""What a step costs, in time and memory, as rows get longer, batches larger and models deeper.

    BENCH_PERF_OUT=curves tox -e perf -- -k scaling

Every point is a run of its own, in a fresh process, of a Llama of random weights whose width keeps it quick. The
figure and its data are written to BENCH_PERF_OUT.
"""

from __future__ import annotations

import os
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd
import pytest
import seaborn as sns

from bench.campaign.executing import only
from bench.executors import Runner
from bench.experiment.spec import RunSpec, WorkloadSpec, parse_strategy
from bench.protocol import Request
from tests.perf.llama import LONGEST, save_llama, save_rows
from tests.perf.results import number
from tests.perf.side import MAX_STEPS

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_benchmark.fixture import BenchmarkFixture

    from tests.perf.results import Results

WIDTH = 256
NUM_STEPS = MAX_STEPS or 7
WARMUP_STEPS = 2
STRATEGIES = ("full", "checkpoint", "freeze")
TIME, MEMORY = "ms per step", "MiB on top of the loaded model"

pytestmark = [pytest.mark.perf, pytest.mark.timeout(0)]


class Point(NamedTuple):
    """Where on the three axes something is measured; the defaults are where they cross."""

    tokens: int = 128
    rows: int = 8
    layers: int = 4


AXES = {
    "tokens per row": ("tokens", (32, 64, 128, 256, 512, 1024)),
    "rows per batch": ("rows", (1, 2, 4, 8, 16, 32)),
    "layers": ("layers", (1, 2, 4, 8, 16)),
}


def test_scaling(benchmark: BenchmarkFixture, results: Results, say: Callable[[str], None], tmp_path: Path) -> None:
    def sweep() -> pd.DataFrame:
        with Runner() as runner:
            return pd.DataFrame(
                {"axis": axis, "value": value, "strategy": strategy}
                | measure(runner, strategy, Point()._replace(**{field: value}), tmp_path)
                for axis, (field, values) in AXES.items()
                for value in values
                for strategy in STRATEGIES
            )

    measured = benchmark.pedantic(sweep)  # type: ignore[no-untyped-call]
    out = Path(os.environ.get("BENCH_PERF_OUT", tmp_path / "out"))
    out.mkdir(parents=True, exist_ok=True)
    measured.to_csv(out / "scaling.csv", index=False)
    draw(measured, out / "scaling.png")
    for (axis, strategy), part in measured.groupby(["axis", "strategy"], sort=False):
        first, last = part.iloc[0], part.iloc[-1]
        row = {"strategy": f"`{strategy}`", "from, to": f"{first['value']} to {last['value']} {axis}"} | {
            name: f"{number(first[name])} to {number(last[name])}" for name in (TIME, MEMORY)
        }
        results.add(f"Cost of a step of a Llama of width {WIDTH}", row)
    say(f"{out / 'scaling.png'} and .csv")


def measure(runner: Runner, strategy: str, point: Point, folder: Path) -> dict[str, float]:
    """Run one point; the median of its steps after the first ones, and the peak."""
    model, rows = folder / f"llama-{point.layers}", folder / f"rows-{point.tokens}"
    if not model.exists():
        save_llama(model, num_layers=point.layers, width=WIDTH)
    if not rows.exists():
        save_rows(rows, num_rows=64, num_tokens=point.tokens)
    spec = RunSpec(
        strategy=parse_strategy(strategy),
        workload=WorkloadSpec(model=str(model), dataset=str(rows), max_length=LONGEST),
        steps=NUM_STEPS,
        batch_size=point.rows,
        evaluations=1,
    )
    record = only(runner, Request(spec=spec))
    assert record.measured is not None, record.reason
    memory = record.measured.memory
    assert memory.host_peak_bytes is not None
    assert memory.host_baseline_bytes is not None
    return {
        TIME: 1e3 * median(record.measured.step_seconds[WARMUP_STEPS:]),
        MEMORY: (memory.host_peak_bytes - memory.host_baseline_bytes) / 2**20,
    }


def draw(measured: pd.DataFrame, file: Path) -> None:
    """Draw time above memory, one column per axis, all axes logarithmic."""
    long = measured.melt(["axis", "value", "strategy"], var_name="what", value_name="amount")
    with sns.axes_style("whitegrid"):
        grid = sns.relplot(
            long,
            x="value",
            y="amount",
            col="axis",
            row="what",
            hue="strategy",
            style="strategy",
            kind="line",
            markers=True,
            dashes=False,
            height=2.6,
            aspect=1.2,
            facet_kws={"sharex": "col", "sharey": "row"},
        )
    grid.set(yscale="log")
    for (what, axis), axes in grid.axes_dict.items():
        axes.set_xscale("log", base=2)
        axes.set(title="", xlabel=axis, ylabel=what)
        axes.label_outer()
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    grid.savefig(file, dpi=150)
