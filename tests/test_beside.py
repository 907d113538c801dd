"""In a project that has names of ours, `python -m bench` and `bench` work alike, and nothing of the user's is run."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bench.experiment.registry import class_of
from bench.records.store import Store
from bench.workload.toy import save_tiny_llama, save_toy_reviews

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE_SECONDS = 240
WAYS = {"module": [sys.executable, "-m", "bench"], "script": [str(Path(sys.executable).with_name("bench"))]}

TRAP = """
from pathlib import Path
Path(__file__).with_name("was_run").touch()
raise RuntimeError("this is the user's, and was not asked for")
"""
OWN = '''
from dataclasses import dataclass

from bench.plan import Edit


@dataclass(frozen=True)
class Mine:
    """Train everything, as a project's own strategy."""

    def edit(self, view):
        return Edit()
'''


def say_no(folder: Path, *files: str) -> None:
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(TRAP)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Make the directory of a user who knows nothing of our names."""
    folder = tmp_path / "project"
    say_no(folder, "strategies.py", "reports.py", "strategies/__init__.py", "strategies/full.py", "reports/__init__.py")
    return folder


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """Install a plug-in that has packages of our names: its strategy is in its `strategies`."""
    site = tmp_path / "site"
    (site / "strategies").mkdir(parents=True)
    (site / "strategies" / "__init__.py").touch()
    (site / "strategies" / "mine.py").write_text(OWN)
    (site / "their_plugin.py").write_text("from strategies.mine import Mine\n")
    said = site / "their_plugin-1.0.dist-info"
    said.mkdir()
    (said / "METADATA").write_text("Metadata-Version: 2.1\nName: their-plugin\nVersion: 1.0\n")
    (said / "entry_points.txt").write_text("[bench.strategies]\nmine = their_plugin:Mine\n")
    say_no(site, "reports/__init__.py")
    return site


@pytest.fixture
def bench_in(project: Path, plugin: Path, tmp_path: Path) -> Callable[..., str]:
    """Call the command in the user's directory; its output."""
    say_no(project, "datasets/__init__.py", "transformers.py", "torch.py", "random.py")  # what ours import
    own = {"BENCH_CACHE_DIR": tmp_path / "cache", "BENCH_LOCK_DIR": tmp_path, "COLUMNS": 250}
    path = os.pathsep.join(filter(None, [str(plugin), os.environ.get("PYTHONPATH")]))
    environ = {**os.environ, **{name: str(value) for name, value in own.items()}, "PYTHONPATH": path}

    def call(way: str, *words: str) -> str:
        done = subprocess.run(
            [*WAYS[way], *words],
            cwd=project, env=environ, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert not list(tmp_path.rglob("was_run"))
        return done.stdout

    return call


def test_strategies_are_listed_alike(bench_in: Callable[..., str]) -> None:
    listed, by_script = (bench_in(way, "list", "strategies") for way in WAYS)
    assert listed == by_script
    lines = {line.split()[0]: line for line in listed.splitlines() if line.strip()}
    assert "Train the head and the last `last` transformer layers" in lines["freeze"]
    assert "as a project's own strategy" in lines["mine"]


def test_a_comparison_and_its_report_are_alike(bench_in: Callable[..., str], tmp_path: Path) -> None:
    model, data = save_tiny_llama(tmp_path / "tiny"), save_toy_reviews(tmp_path / "reviews.csv")
    options = ["--model", str(model), "--dataset", str(data), "--device", "cpu", "--steps", "4"]
    options += ["--batch-size", "8", "--train-samples", "24", "--eval-samples", "12", "--no-forecast"]
    losses = []
    for way in WAYS:
        out = tmp_path / way
        bench_in(way, "compare", "--strategies", "full,mine,freeze", *options, "--out", str(out))
        measured = {record.spec.name: record.measured for record in Store(out).read_all()}
        losses.append({name: it.losses for name, it in measured.items() if it})
        assert (out / "report.html").is_file()
    assert losses[0] == losses[1]
    assert losses[0]["mine"] == losses[0]["full"] != losses[0]["freeze"]
    printed = {bench_in(way, "report", str(tmp_path / "module"), "--format", "md").partition("\n")[2] for way in WAYS}
    assert len(printed) == 1


def test_our_names_stay_free(project: Path) -> None:
    program = """
import pkgutil, sys
from importlib import import_module
import bench.api, bench.cli
from bench.beside import reports, strategies
for package in (reports, strategies, bench.api, bench.cli):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        import_module(module.name)
print([name for name in sys.modules if name.partition(".")[0] in ("reports", "strategies")])
"""
    # As in a notebook, the user's directory is where Python looks first.
    done = subprocess.run([sys.executable, "-c", program], cwd=project, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr
    assert not list(project.rglob("was_run"))


def test_a_strategy_can_be_pickled_for_another_process() -> None:
    strategy = class_of("freeze")(last=2)
    program = "import pickle, sys; print(pickle.load(sys.stdin.buffer))"
    done = subprocess.run(
        [sys.executable, "-c", program], input=pickle.dumps(strategy), capture_output=True, check=True
    )
    assert done.stdout.decode().strip() == "Freeze(last=2)"
