"""Report, gate and baseline of files where neither torch nor what reads models and data is installed.

    tox -e light

runs this in an environment that has none of it; elsewhere importing it is made to fail.
"""

import subprocess
import sys

import pytest

from bench.records.store import Store
from tests.gate.projects import EMIT, commit

WITHOUT = ("torch", "transformers", "datasets", "accelerate", "gguf", "sklearn", "pytest_benchmark")
BLOCKED = f"""
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {WITHOUT!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
from bench.__main__ import main
raise SystemExit(main())
"""


@pytest.fixture
def light(tmp_path):
    """Run a command in a process that can import nothing of it."""

    def call(*words, cwd=tmp_path):
        command = [sys.executable, "-c", BLOCKED, *map(str, words)]
        return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)

    return call


def test_files_are_gated_and_every_form_is_written(light, make_benchmark_files, tmp_path):
    base, head = make_benchmark_files(0.1)
    done = light("gate", "--base", *base, "--head", *head, "--out", "out")
    assert done.returncode == 1, done.stderr
    assert (tmp_path / "out" / "gate.html").exists()


@pytest.mark.slow
def test_another_project_is_gated(light, tmp_path):
    root = tmp_path / "project"
    commit(
        root, {"emit.py": EMIT, "times.json": '{"a.py::test": 0.1}', "bench.toml": '[gate.margins."*"]\nmedian = 0.1\n'}
    )
    done = light("gate", "--run", f"{sys.executable} emit.py {{out}}", "--base", "HEAD", cwd=root)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_baselines_of_files_are_saved_and_drawn(light, make_benchmark_files, tmp_path):
    base, _ = make_benchmark_files(number=4)
    done = light("baseline", "save", "--from", *base)
    assert done.returncode == 0, done.stderr
    done = light("baseline", "show", "baseline.json", "--out", "trend")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "trend" / "trend.html").exists()


def test_a_comparison_is_reported_and_judged_by_rules(light, records, tmp_path):
    with Store.open(tmp_path / "results", resume=False) as store:
        for record in records:
            store.write(record)
    (tmp_path / "rules.toml").write_text('rules = ["freeze throughput >= 1.2x full"]')
    done = light("report", "results", "--gate", "rules.toml")
    assert done.returncode == 0, done.stderr
    for name in ("report.html", "gate.html", "results.parquet"):
        assert (tmp_path / "results" / name).exists()


def test_strategies_are_listed_and_that_none_runs_is_said_once(light):
    done = light("list", "strategies")
    assert done.returncode == 0, done.stderr
    assert "options: last=0" in done.stdout
    assert done.stdout.count("torch is not installed") == 1
    done = light("list", "strategies", "freeze", "lora")
    assert done.returncode == 0, done.stderr
    assert "sets        phases: only the head trains" in done.stdout
