"""Many at once, and many one after the other."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from bench.records.store import Store
from bench.workload.toy import save_tiny_llama, save_toy_reviews
from tests.gate.stubs import write_side

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
MIB = 1 << 20
PATIENCE_SECONDS = 900

GATE = """
import sys
from bench.experiment.spec import RunSpec, parse_strategies
from bench.gate.judging.margins import Margins
from bench.gate.sampling.session import Session
from bench.gate.sampling.sides import find_side, hold
from bench.gate.sampling.subject import Subject
specs = tuple(RunSpec(strategy=terms, steps=30) for terms in parse_strategies("full"))
with hold(find_side("--base", "HEAD", None), find_side("--head", "HEAD", None)) as held:
    sys.exit(Session(held, Subject(specs, 600.0), margins=Margins(), say=print).judge().exit_code())
"""


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    """Start the comparison of some seeds of a tiny model."""
    model, data = save_tiny_llama(tmp_path / "tiny"), save_toy_reviews(tmp_path / "reviews.csv")
    options = ["--model", str(model), "--dataset", str(data), "--device", "cpu", "--steps", "3", "--batch-size", "8"]
    options += [
        "--train-samples",
        "24",
        "--eval-samples",
        "12",
        "--strategies",
        "freeze",
        "--out",
        str(tmp_path / "out"),
    ]
    environ = os.environ | {
        "BENCH_CACHE_DIR": str(tmp_path / "cache"), "BENCH_LOCK_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)
    }  # fmt: skip

    def start(*more: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "bench", "compare", *options, *more, "--quiet"]
        return subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    return start


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_of_eight_comparisons_into_one_directory_one_writes(
    start: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    processes = [start("--seeds", "12", "--resume") for _ in range(8)]
    ended = [(process, *process.communicate(timeout=PATIENCE_SECONDS)) for process in processes]
    codes = sorted(process.returncode for process, _, _ in ended)
    assert codes == [0, *[2] * 7]
    refused = [said for process, _, said in ended if process.returncode]
    assert all("another bench is writing to" in said and "Traceback" not in said for said in refused)
    assert [record.spec.seed for record in Store(tmp_path / "out").read_all()] == list(range(12))


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_eight_gates_of_one_repository_judge_one_after_the_other_and_leave_it_as_it_was(tmp_path: Path) -> None:
    repository = write_side(tmp_path / "repository")
    who = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.org"]
    for arguments in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message", "a side"]):
        subprocess.run(["git", "-C", repository, *who, *arguments], check=True)
    environ = os.environ | {"BENCH_LOCK_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    gates = [
        subprocess.Popen([sys.executable, "-P", "-c", GATE], cwd=repository, env=environ, stdout=subprocess.DEVNULL)
        for _ in range(8)
    ]
    assert [gate.wait(PATIENCE_SECONDS) for gate in gates] == [0] * 8
    listed = subprocess.run(["git", "worktree", "list"], cwd=repository, capture_output=True, text=True, check=True)
    assert listed.stdout.count("\n") == 1


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_two_hundred_runs_take_no_more_than_twenty(start: Callable[..., subprocess.Popen[str]], tmp_path: Path) -> None:
    process = start("--seeds", "200")
    watched, taken = psutil.Process(process.pid), []
    while process.poll() is None:
        num_done = len(list((tmp_path / "out" / "runs").glob("*.json")))
        try:
            if 20 <= num_done < 200:
                children = watched.children(recursive=True)
                taken.append((watched.memory_info().rss, watched.num_fds(), len(children)))
        except psutil.NoSuchProcess:
            break
        time.sleep(0.2)
    _, said = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0, said
    assert len(Store(tmp_path / "out").read_all()) == 200
    sizes, descriptors, processes = zip(*taken, strict=True)
    assert max(sizes) - sizes[0] <= 20 * MIB
    # Between two runs there are fewer than in one: how many there are at most is what may not grow.
    assert max(descriptors[-20:]) <= max(descriptors[:20]) + 1
    assert max(processes) <= max(processes[:20]) + 1
    print(  # noqa: T201
        f"200 runs: the supervisor grew by {(max(sizes) - sizes[0]) / MIB:.1f} MiB; "
        f"{max(descriptors)} descriptors and {max(processes)} processes below it at most"
    )
