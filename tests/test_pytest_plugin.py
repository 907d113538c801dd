"""The plugin in a pytest of its own: what it leaves in the file, and what it leaves alone."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from bench.errors import UsageError
from bench.gate.benchmarks import MEMORY_KEY, judge_benchmarks
from bench.stepping import Stepper, spec_of
from bench.testing import save_tiny_llama, save_toy_reviews

SUITE = """
import pytest

@pytest.mark.parametrize("strategy", ["full", "freeze+cached"])
def test_step(benchmark_strategy, strategy):
    benchmark_strategy(strategy, model={model!r}, dataset={data!r}, rounds=3, warmup_rounds=2, batch_size=8, device="cpu")
"""


@pytest.fixture
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_CACHE_DIR", str(tmp_path))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Run a suite of steps in a fresh pytest that knows the plugin by its entry point alone."""
    directory = tmp_path_factory.mktemp("suite")
    model, data = save_tiny_llama(directory / "tiny"), save_toy_reviews(directory / "reviews.csv")
    (directory / "test_steps.py").write_text(SUITE.format(model=str(model), data=str(data)))

    def call(*options):
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options]
        done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout
        return directory

    return call


@pytest.fixture(scope="module")
def recorded(run):
    """Two files of two processes; one before them fills the cache, as that takes memory of its own."""
    run("--benchmark-disable")
    paths = [f"run-{number}.json" for number in range(2)]
    return [run(f"--benchmark-json={path}") / path for path in paths]


def test_steps_are_recorded_with_memory_samples_and_fingerprint(recorded):
    content = json.loads(recorded[0].read_bytes())
    assert [one["fullname"] for one in content["benchmarks"]] == [
        "test_steps.py::test_step[full]", "test_steps.py::test_step[freeze+cached]"
    ]  # fmt: skip
    for one, strategy in zip(content["benchmarks"], ("full", "freeze+cached"), strict=True):
        extra, stats = one["extra_info"], one["stats"]
        assert (stats["rounds"], stats["iterations"]) == (3, 1)
        assert extra["strategy"] == strategy
        assert extra["step_seconds"] == stats["data"]
        assert extra[MEMORY_KEY] > 50 << 20
        assert extra["fingerprint"]["host_cpu"]
        assert extra["fingerprint"]["versions"]["torch"]


def test_the_files_are_judged_with_their_memory(recorded):
    judgement = judge_benchmarks(recorded[:1], recorded[1:])
    assert {finding.verdict for finding in judgement.findings} == {"NOT_MEASURED"}
    judgement = judge_benchmarks(recorded, [_later(path) for path in recorded])
    memory = [finding for finding in judgement.findings if finding.metric == MEMORY_KEY]
    assert len(memory) == 2
    assert {finding.verdict for finding in memory} <= {"PASS", "INCONCLUSIVE"}  # other libraries, other noise


def _later(path):
    content = json.loads(path.read_bytes()) | {"datetime": "2100-01-01T00:00:00"}
    copy = path.with_name(f"later-{path.name}")
    copy.write_text(json.dumps(content))
    return copy


def test_a_pytest_that_does_not_use_it_imports_nothing(tmp_path):
    (tmp_path / "test_nothing.py").write_text(
        "import sys\n\ndef test_nothing():\n    assert 'bench.pytest_plugin' in sys.modules\n"
        "    assert not {'torch', 'pydantic', 'numpy', 'pynvml', 'bench.errors'} & set(sys.modules)\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error"]
    for options in ((), ("-p", "no:benchmark")):
        done = subprocess.run([*command, *options], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_it_is_found_by_its_entry_point():
    table = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())
    assert table["project"]["entry-points"]["pytest11"] == {"bench": "bench.pytest_plugin"}


@pytest.mark.usefixtures("_own_cache")
def test_a_tiny_llama_trains_where_nothing_is_named():
    spec = spec_of("freeze", rounds=3, warmup_rounds=2, device="cpu", batch_size=4)
    assert (spec.name, spec.batch_size, spec.steps) == ("freeze", 4, 7)
    stepper = Stepper(spec)
    for _ in range(spec.steps):
        stepper.step()
    assert stepper.close() > 50 << 20
    again = spec_of("freeze", rounds=3, warmup_rounds=2, device="cpu", batch_size=4)
    assert again == spec
    assert spec_of("full", rounds=3, warmup_rounds=2, model="minilm-l6").workload.dataset == "rotten-tomatoes"


@pytest.mark.usefixtures("_own_cache")
def test_wrong_settings_say_so():
    with pytest.raises(UsageError, match="give 1 or more of each"):
        spec_of("full", rounds=1, warmup_rounds=0)
    with pytest.raises(UsageError, match="one strategy and one seed"):
        spec_of("full,freeze", rounds=10, warmup_rounds=10)
    with pytest.raises(UsageError, match="unknown strategy"):
        spec_of("frieze", rounds=10, warmup_rounds=10)
