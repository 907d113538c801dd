"""Gates of this checkout against copies of itself with something planted: how often each is red.

    tox -e perf -- -k gate

Every gate is the command as one types it, `bench gate --base DIRECTORY --head DIRECTORY`, on the tiny Llama.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tests.gate.planted import ROOT, plant

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_benchmark.fixture import BenchmarkFixture

    from tests.perf.results import Results

STRATEGY = "full"
LONGEST = int(os.environ.get("BENCH_PERF_GATES", "20"))
"""Gates of each kind at the most, to shorten a trial."""

pytestmark = [pytest.mark.perf, pytest.mark.timeout(0)]


@pytest.mark.parametrize(
    ("what", "num_gates", "metrics"),
    [
        ("unchanged", 20, ()),
        ("10 % slower", 10, ("step_seconds_median", "step_seconds_mean")),
        ("32 MiB leaked", 5, ("training_memory_bytes",)),
        ("labels off by one", 5, ("accuracy",)),
    ],
)
def test_gate(
    benchmark: BenchmarkFixture,
    results: Results,
    say: Callable[[str], None],
    tmp_path: Path,
    *,
    what: str,
    num_gates: int,
    metrics: tuple[str, ...],
) -> None:
    head, gates = plant(tmp_path / "head", what), min(num_gates, LONGEST)
    taken: list[tuple[float, dict[str, Any]]] = []

    def gate() -> None:
        began = time.perf_counter()
        command = [sys.executable, "-m", "bench", "gate", "--base", ROOT, "--head", head]
        done = subprocess.run(
            [*command, "--strategies", STRATEGY, "--format", "json"], stdout=subprocess.PIPE, cwd=ROOT, check=False
        )
        taken.append((time.perf_counter() - began, json.loads(done.stdout)))
        say(f"{what}: {taken[-1][1]['verdict']} after {taken[-1][0]:.0f} s")

    benchmark.pedantic(gate, rounds=gates)  # type: ignore[no-untyped-call]
    verdicts = Counter(judged["verdict"] for _, judged in taken)
    red = [{f["metric"] for f in judged["judgement"]["findings"] if f["verdict"] == "FAIL"} for _, judged in taken]
    found = sum(bool(metrics_red & set(metrics)) for metrics_red in red)
    seconds = sorted(seconds for seconds, _ in taken)
    row = {
        "planted": what,
        "gates": str(gates),
        "red": str(verdicts["FAIL"]),
        "red for that reason": str(found) if metrics else "",
        "PASS, IMPROVED or WARN": str(verdicts["PASS"] + verdicts["IMPROVED"] + verdicts["WARN"]),
        "inconclusive": str(verdicts["INCONCLUSIVE"]),
        "seconds (median, longest)": f"{seconds[len(seconds) // 2]:.0f}, {seconds[-1]:.0f}",
    }
    say(results.add("Gates of the tiny Llama", row))
    assert not verdicts["NOT_MEASURED"], taken
    if metrics:
        results.judge(f"{what}: red for that reason", found, least=gates - num_gates // 10)
    else:
        results.judge("unchanged: red", verdicts["FAIL"], most=0)
        results.judge("unchanged: PASS", verdicts["PASS"], least=0.7 * gates)
