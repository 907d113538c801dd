"""The gate of a repository that has never heard of bench: real processes of pytest, and the same gate replayed 200 times.

    tox -e slow-gate

prints how long a gate takes, and how many processes.
"""

import json
import os
import random
import subprocess
import sys
import time

import pytest

from bench.gate.judging.margins import Margins
from bench.gate.sampling.commands import take_turns
from tests.gate.projects import commit, replayed

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

WORK = """
def work(steps):
    total = 0
    for number in range(steps):
        total += number * number
    return total
"""
TEST = """
from project import work


def test_{name}(benchmark):
    benchmark.pedantic(work, args=({steps},), rounds=60, warmup_rounds=5)
"""
STEPS, SLOWER = 20_000, 26_000
"""About 1 ms, and 30 % more."""
RUN = f"{sys.executable} -m pytest -q -p no:cacheprovider benchmarks --benchmark-json={{out}}"
NAMES = [f"benchmarks/test_{number}.py::test_{number}" for number in range(10)]


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """Ten tests of fixed rounds; head has one that is 30 % slower, one new and one deleted."""
    root = tmp_path_factory.mktemp("fresh") / "repository"
    tests = {f"benchmarks/test_{number}.py": TEST.format(name=number, steps=STEPS) for number in range(10)}
    commit(root, {"src/project/__init__.py": WORK, **tests})
    (root / "benchmarks" / "test_9.py").unlink()
    changed = {"benchmarks/test_4.py": TEST.format(name=4, steps=SLOWER)}
    commit(root, {**changed, "benchmarks/test_new.py": TEST.format(name="new", steps=STEPS)})
    return root


@pytest.fixture
def gate(repository, capsys):
    """Run the command in the repository; print what it took; give exit code and judgement."""

    def call(what, *words):
        command = [sys.executable, "-m", "bench", "gate", "--run", RUN, *words, "--format", "json"]
        environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "GITHUB_"))}
        began = time.perf_counter()
        done = subprocess.run(command, cwd=repository, env=environ, capture_output=True, text=True, check=False)
        took, last = time.perf_counter() - began, done.stderr.splitlines()[-1]
        judgement = json.loads(done.stdout)["judgement"]
        words_found = sorted({finding["verdict"] for finding in judgement["findings"]})
        with capsys.disabled():
            sys.stdout.write(f"\n{what}: exit code {done.returncode}, {took:.0f} s, {last}, {', '.join(words_found)}\n")
        return done.returncode, judgement

    return call


def test_what_head_changed_is_found(gate):
    code, judgement = gate("planted", "--base", "HEAD~1", "--head", "HEAD")
    assert code == 1
    words = {}
    for finding in judgement["findings"]:
        words.setdefault(finding["verdict"], set()).add(finding["benchmark"])
    assert words["FAIL"] == {NAMES[4]}
    assert words["NEW"] == {"benchmarks/test_new.py::test_new"}
    assert words["NOT_MEASURED"] == {NAMES[9]}


@pytest.mark.parametrize("number", range(3))
def test_a_head_that_changed_nothing_passes(gate, number):
    code, judgement = gate(f"unchanged, {number + 1} of 3", "--base", "HEAD", "--head", "HEAD")
    assert code == 0
    assert {finding["verdict"] for finding in judgement["findings"]} <= {"PASS", "INCONCLUSIVE", "IMPROVED", "WARN"}


@pytest.mark.parametrize("noise", [0.01, 0.05])
def test_200_replayed_gates_that_changed_nothing_are_never_red(noise, tmp_path, capsys):
    """Through the code that takes turns and judges; the times are seeded, whole processes of them noisy as well."""
    found, num = [], 0
    for seed in range(200):
        measure = replayed(tmp_path / str(seed), NAMES, noise=noise, seed=seed)
        taken = []
        judgement = take_turns(lambda *which: taken.append(which) or measure(*which), Margins(), random.Random(seed))  # noqa: B023
        found.append(judgement.verdict)
        num += len(taken)
    with capsys.disabled():
        sys.stdout.write(f"\nreplayed, noise {noise:.0%}: {num / 200:.1f} processes a gate, {sorted(set(found))}\n")
    assert "FAIL" not in found
