"""Do factors hold where one trains? Exported scripts of transformers' Trainer and our runs, turn by turn.

    tox -e perf -- -k transfer

Each strategy's script is what `bench export` writes of a run on this machine. Scripts run in a process such as a user starts,
ours in one with the environment of a run. BENCH_PERF_PAIRS is the number of rounds, in each of which every strategy has a turn
here and a turn there; a first round warms up. BENCH_PERF_ROWS shortens a trial.
"""

from __future__ import annotations

import runpy
from collections import defaultdict
from statistics import median
from typing import TYPE_CHECKING

import pytest

from bench.campaign.executing import only
from bench.executors import InProcessRunner
from bench.experiment.spec import RunSpec, WorkloadSpec, parse_strategy
from bench.exporting.export import export
from bench.protocol import Request
from bench.records.record import RunRecord
from bench.records.store import Store
from tests.perf.pairs import NUM_PAIRS, ratio
from tests.perf.results import in_words, number
from tests.perf.side import DEVICE, MODELS, NUM_ROWS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.perf.processes import Call
    from tests.perf.results import Results

STRATEGIES = ("full", "amp", "freeze", "freeze:last=2", "lora")
TITLE = "Factors on full of exported scripts for the Trainer, and of bench"

pytestmark = [pytest.mark.perf, pytest.mark.assets, pytest.mark.timeout(0)]


@pytest.mark.parametrize("model", MODELS)
def test_transfer(
    results: Results, say: Callable[[str], None], transformers: Call, bench: Call, tmp_path: Path, *, model: str
) -> None:
    specs = {name: spec_of(name, model) for name in STRATEGIES}
    records = {name: run_here(bench, spec) for name, spec in specs.items()}
    for name, record in records.items():
        if record.status == "skipped":
            say(f"{name} is left out: {record.reason}")
    able = [name for name, record in records.items() if record.status == "ok"]
    scripts = {name: write_script(records[name], tmp_path / str(place)) for place, name in enumerate(able)}
    for script in scripts.values():
        transformers(run_script, script)

    here, there = defaultdict[str, list[float]](list), defaultdict[str, list[float]](list)
    for turn in range(NUM_PAIRS):
        for name in able if turn % 2 == 0 else reversed(able):
            for is_ours in (turn % 2 == 0, turn % 2 == 1):
                if is_ours:
                    here[name].append(seconds_of(run_here(bench, specs[name])))
                else:
                    there[name].append(transformers(run_script, scripts[name]))

    for name in able[1:]:
        factors = {side: ratio(of["full"], of[name]) for side, of in (("bench", here), ("Trainer", there))}
        ours, theirs = (
            [full / seconds for full, seconds in zip(of["full"], of[name], strict=True)] for of in (here, there)
        )
        row = {
            "model": model,
            "strategy": f"`{name}`",
            "bench, s": number(median(here[name])),
            "Trainer, s": number(median(there[name])),
            **{f"{side}, times as fast as full (95 %)": in_words(factor) for side, factor in factors.items()},
            "one over the other": in_words(ratio(ours, theirs)),
        }
        say(results.add(TITLE, row))


def spec_of(strategy: str, model: str) -> RunSpec:
    workload = WorkloadSpec(model=model, train_samples=NUM_ROWS, eval_samples=16)
    return RunSpec(strategy=parse_strategy(strategy), workload=workload, device=DEVICE.type, evaluations=1)


def run_here(bench: Call, spec: RunSpec) -> RunRecord:
    record = RunRecord.from_json(bench(measure, spec.model_dump_json()))
    assert record.status in ("ok", "skipped"), record.reason
    return record


def measure(spec: str) -> str:
    """Carry out a run, in the process of our side."""
    request = Request(spec=RunSpec.model_validate_json(spec))
    return only(InProcessRunner(), request).to_json()


def seconds_of(record: RunRecord) -> float:
    assert record.measured
    return record.measured.train_seconds


def write_script(record: RunRecord, folder: Path) -> str:
    with Store.open(folder, resume=False) as store:
        store.write(record)
    export(folder, record.spec.name, "trainer", folder / "exported.py")
    return str(folder / "exported.py")


def run_script(script: str) -> float:
    """Run a script as it stands, in the process of the other side; the seconds of its training."""
    history = runpy.run_path(script)["trainer"].state.log_history
    return float(next(entry["train_runtime"] for entry in history if "train_runtime" in entry))
