"""What surrounds training: time to the first step, overhead of a run, a whole comparison against plain scripts.

    tox -e perf -- -k orchestration

The comparison is `bench compare`, as one types it; the scripts are `scripts/finetune.py`, once per strategy.
"""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import pytest
import torch

from bench.experiment.spec import WorkloadSpec
from bench.records.store import Store
from bench.training.target import target
from bench.workload.data.selection import choose
from bench.workload.data.source import source_of
from bench.workload.models.locate import model_folder
from bench.workload.presets import rates_of
from tests.perf.pairs import NUM_PAIRS, Pairs, ratio
from tests.perf.results import in_words, number
from tests.perf.side import EPOCHS, MODELS, NUM_ROWS

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_benchmark.fixture import BenchmarkFixture

    from bench.records.record import RunRecord
    from tests.perf.results import Results

SCRIPT = Path(__file__).parent / "scripts" / "finetune.py"
EVAL_ROWS = 256
MOST_OVERHEAD = 1.0
LEAST_FACTOR = 2.0
MOST_APART = 0.088
"""Of two accuracies on 256 rows: two standard errors of their difference, at the most."""

pytestmark = [pytest.mark.perf, pytest.mark.assets, pytest.mark.timeout(0)]


@pytest.mark.parametrize("strategy", ["freeze", "full"])
@pytest.mark.parametrize("model", MODELS)
def test_orchestration_of_a_run(
    benchmark: BenchmarkFixture,
    results: Results,
    say: Callable[[str], None],
    tmp_path: Path,
    *,
    model: str,
    strategy: str,
) -> None:
    first_steps: list[float] = []
    overheads: list[float] = []

    def turn() -> None:
        began = time.time()
        out = tmp_path / str(len(overheads))
        [record] = compare(out, "--strategies", strategy, "--model", model, "--train-samples=64", "--eval-samples=32")
        measured = record.measured
        assert measured is not None, record.reason
        before = record.started_at.timestamp() - began + measured.load_seconds
        first_steps.append(before + measured.step_seconds[0])
        evaluation = measured.evaluation.seconds + measured.curve_seconds
        overheads.append(record.wall_seconds - measured.load_seconds - measured.train_seconds - evaluation)

    benchmark.pedantic(turn, rounds=NUM_PAIRS)  # type: ignore[no-untyped-call]
    benchmark.extra_info.update(first_steps=first_steps, overheads=overheads)
    row = {
        "model": model,
        "strategy": f"`{strategy}`",
        "from command to first measured step": f"{median(first_steps):.1f} s",
        "of a run outside loading, training and evaluation": f"{median(overheads):.2f} s",
    }
    say(results.add("What surrounds training", row))
    results.judge(f"{model} {strategy}, seconds of overhead of a run", median(overheads), most=MOST_OVERHEAD)


@pytest.mark.parametrize("model", MODELS)
def test_orchestration_of_a_comparison(
    benchmark: BenchmarkFixture, results: Results, say: Callable[[str], None], tmp_path: Path, model: str
) -> None:
    strategies = ("freeze", "full", "amp") if target(torch.device("cpu")).has_native_bf16 else ("freeze", "full")
    data = export(model, tmp_path / "data")
    seconds: Pairs[float, float] = Pairs()
    their_accuracies: list[list[float]] = []
    our_accuracies: list[list[float]] = []

    def their_turn() -> float:
        began = time.perf_counter()
        their_accuracies.append([run_script(model, data, tmp_path, strategy) for strategy in strategies])
        return time.perf_counter() - began

    def our_turn(out: Path) -> float:
        began = time.perf_counter()
        rows = (f"--train-samples={NUM_ROWS}", f"--eval-samples={EVAL_ROWS}", f"--epochs={EPOCHS}")
        records = compare(out, "--strategies", ",".join(strategies), "--model", model, *rows)
        took = time.perf_counter() - began
        measured = {record.spec.name: record.measured for record in records}
        our_accuracies.append([found.evaluation.accuracy for name in strategies if (found := measured[name])])
        return took

    seconds.measure(benchmark, their_turn, our_turn, get_ready=lambda: tmp_path / f"out-{len(seconds.ours)}")
    faster = ratio(seconds.theirs, seconds.ours)
    theirs, ours = ([median(run) for run in zip(*side, strict=True)] for side in (their_accuracies, our_accuracies))
    benchmark.extra_info.update(theirs=seconds.theirs, ours=seconds.ours, accuracies=(their_accuracies, our_accuracies))
    row = {
        "model": model,
        "strategies": f"`{','.join(strategies)}`",
        "scripts": f"{number(median(seconds.theirs))} s",
        "`bench compare`": f"{number(median(seconds.ours))} s",
        "times as fast (95 %)": in_words(faster),
        "accuracies of the scripts": ", ".join(f"{accuracy:.3f}" for accuracy in theirs),
        "of `bench`": ", ".join(f"{accuracy:.3f}" for accuracy in ours),
    }
    say(results.add(f"A whole comparison, {NUM_ROWS} rows, {EPOCHS} epochs, against a plain script per strategy", row))
    results.judge(f"{model}, a whole comparison against scripts", faster.estimate, least=LEAST_FACTOR)
    for strategy, their, our in zip(strategies, theirs, ours, strict=True):
        results.judge(f"{model} {strategy}, accuracies apart", abs(their - our), most=MOST_APART)


def compare(out: Path, *arguments: str) -> list[RunRecord]:
    """Run `bench compare` as a user does, and read what it wrote."""
    run(sys.executable, "-m", "bench", "compare", "--device", "cpu", "--out", str(out), *arguments)
    return Store(out).read_all()


def run_script(model: str, data: Path, output: Path, strategy: str) -> float:
    """Fine-tune with transformers alone, at the rates that ours uses, and give the accuracy."""
    rates = rates_of(model)
    options = {
        "freeze": ["--trains", "head", "--head-rate", str(rates.head_alone)],
        "full": ["--rate", str(rates.everything), "--head-rate", str(rates.head)],
        "amp": ["--rate", str(rates.everything), "--head-rate", str(rates.head), "--bf16"],
    }[strategy]
    folders = (str(model_folder(model)), str(data), str(output / "trainer"))
    said = run(sys.executable, str(SCRIPT), *folders, "--epochs", str(EPOCHS), *options)
    return float(said.splitlines()[-1].removeprefix("accuracy "))


def run(*command: str) -> str:
    """Run a command without a network, and give what it printed."""
    environ = os.environ | {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def export(model: str, folder: Path) -> Path:
    """Write the rows that a comparison trains and evaluates on, for a script to read."""
    spec = WorkloadSpec(model=model, train_samples=NUM_ROWS, eval_samples=EVAL_ROWS)
    chosen = choose(spec, *source_of(spec).read())
    folder.mkdir()
    for name, split in (("train", chosen.train), ("test", chosen.evaluation)):
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            rows = zip(split.texts, split.labels.tolist(), strict=True)
            csv.writer(file).writerows([("text", "labels"), *rows])
    return folder
