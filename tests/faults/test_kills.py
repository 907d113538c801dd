"""A supervisor that is killed at any moment, again and again: what has ended is kept as it was, and nothing else is left."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from itertools import count
from pathlib import Path

import psutil
import pytest

from bench.records.store import Store
from bench.workload.toy import save_tiny_llama, save_toy_reviews

NUM_KILLS = 100
NUM_RUNS = 12
PATIENCE_SECONDS = 240
MOST_RUNS = 5
"""That end before the latest kill, where nothing disturbs them."""


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_a_hundred_kills_lose_and_leave_nothing(tmp_path: Path) -> None:
    model, data = save_tiny_llama(tmp_path / "tiny"), save_toy_reviews(tmp_path / "reviews.csv")
    arguments = ["--model", str(model), "--dataset", str(data), "--device", "cpu", "--steps", "3", "--batch-size", "8"]
    arguments += ["--train-samples", "24", "--eval-samples", "12", "--seeds", "4", "--strategies", "freeze,full,llrd"]
    environ = os.environ | {
        "BENCH_CACHE_DIR": str(tmp_path / "cache"),
        "BENCH_LOCK_DIR": str(tmp_path),
        "BENCH_CHECKPOINT_SECONDS": "0",  # so that runs end, and go on, between any two steps
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }

    def started_in(out: Path) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "bench", "compare", *arguments, "--out", str(out), "--resume", "--quiet"]
        return subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    first_seconds, run_seconds = seconds_of(started_in(tmp_path / "undisturbed"), tmp_path / "undisturbed")
    latest = first_seconds + MOST_RUNS * run_seconds
    chance, held, comparisons = random.Random(0), [], count()
    while len(held) < NUM_KILLS:
        out = tmp_path / f"out{next(comparisons)}"
        done: dict[Path, bytes] = {}
        while len(done) < NUM_RUNS:
            process = started_in(out)
            time.sleep(chance.uniform(0.6 * first_seconds, latest))
            started = psutil.Process(process.pid).children(recursive=True)
            process.kill()
            is_killed = process.wait() == -signal.SIGKILL
            _, alive = psutil.wait_procs(started, PATIENCE_SECONDS)
            assert alive == []
            done = kept(out, done)
            held += [len(done)] * is_killed
        assert started_in(out).wait(PATIENCE_SECONDS) == 0
        assert kept(out, done) == done
        records = Store(out).read_all()
        assert len({(record.spec.name, record.spec.seed) for record in records}) == len(records) == NUM_RUNS
        assert {record.status for record in records} == {"ok"}
        assert list(out.glob(".shelf-*")) == []
        assert not (out / "checkpoints").exists()
        assert {path.suffix for path in (out / "runs").iterdir()} == {".json"}
    print(  # noqa: T201  (the count is what it is for)
        f"{len(held)} kills in {next(comparisons)} comparisons of {NUM_RUNS} runs; runs done at each: {held}"
    )


def seconds_of(process: subprocess.Popen[bytes], out: Path) -> tuple[float, float]:
    """How long a comparison takes to its first record, and from one to the next."""
    began, first = time.monotonic(), None
    while process.poll() is None:
        if first is None and any((out / "runs").glob("*.json")):
            first = time.monotonic()
        time.sleep(0.02)
    assert process.returncode == 0
    assert first is not None
    return first - began, (time.monotonic() - first) / (NUM_RUNS - 1)


def kept(out: Path, before: dict[Path, bytes]) -> dict[Path, bytes]:
    """The files of finished runs, none of which may have changed since `before`."""
    store = Store(out)
    finished = {record.spec for record in store.read_all() if record.status == "ok"}
    now = {path: path.read_bytes() for path in (out / "runs").glob("*.json")}
    assert len(finished) == len(now)
    assert not store.warnings
    assert all(now.get(path) == content for path, content in before.items())
    return now
