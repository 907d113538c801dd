"""The plugin in a pytest of its own: what it leaves in the file, and what it leaves alone."""

import json
import tomllib
from pathlib import Path

import pytest

from bench.errors import UsageError
from bench.gate.judging.benchmark_files import TRAINING_MEMORY_KEY
from bench.gate.judging.pytest_benchmark import judge_benchmarks
from bench.pytest_plugin.steps import spec_of
from bench.workload.toy import save_tiny_llama, save_toy_reviews

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
def recorded(tmp_path_factory, run_pytest):
    """What a fresh pytest leaves that knows the plugin by its entry point alone."""
    directory = tmp_path_factory.mktemp("suite")
    model, data = save_tiny_llama(directory / "tiny"), save_toy_reviews(directory / "reviews.csv")
    (directory / "test_steps.py").write_text(SUITE.format(model=str(model), data=str(data)))
    done = run_pytest(directory, "--benchmark-json", "out.json")
    assert done.returncode == 0, done.stdout
    return directory / "out.json"


def test_steps_are_recorded_with_memory_samples_and_fingerprint(recorded):
    content = json.loads(recorded.read_bytes())
    names = ["test_steps.py::test_step[full]", "test_steps.py::test_step[freeze+cached]"]
    assert [one["fullname"] for one in content["benchmarks"]] == names
    for one, strategy in zip(content["benchmarks"], ("full", "freeze+cached"), strict=True):
        extra, stats = one["extra_info"], one["stats"]
        assert (stats["rounds"], stats["iterations"]) == (3, 1)
        assert extra["strategy"] == strategy
        assert extra["step_seconds"] == stats["data"]
        assert 0 < extra[TRAINING_MEMORY_KEY] < 50 << 20, "no Python and no libraries"
        assert extra["fingerprint"]["host_cpu"]
        assert extra["fingerprint"]["versions"]["torch"]


def test_the_gate_judges_their_memory(recorded, tmp_path):
    files = []
    for number in range(4):
        content = json.loads(recorded.read_bytes()) | {"datetime": f"2026-01-01T00:0{number}:00"}
        files.append(tmp_path / f"{number}.json")
        files[-1].write_text(json.dumps(content))
    judgement = judge_benchmarks(files[::2], files[1::2])
    memory = [finding for finding in judgement.findings if finding.metric == "training_memory_bytes"]
    assert [finding.verdict for finding in memory] == ["PASS", "PASS"]


@pytest.mark.usefixtures("_own_cache")
@pytest.mark.parametrize("enabled", [True, False])
def test_a_tiny_llama_trains_where_nothing_is_named(benchmark, benchmark_strategy, enabled):
    benchmark.disabled = not enabled
    benchmark_strategy("freeze", rounds=3, warmup_rounds=2, device="cpu", batch_size=4)
    info = benchmark.extra_info
    assert len(info["step_seconds"]) == (3 if enabled else 0)
    assert info["strategy"] == "freeze"
    # What tests before it have freed may be more than it takes: then this process grows by nothing, and nothing is measured.
    assert info[TRAINING_MEMORY_KEY] is None or info[TRAINING_MEMORY_KEY] > 0


def test_a_pytest_that_does_not_use_it_imports_nothing(tmp_path, run_pytest):
    (tmp_path / "test_nothing.py").write_text(
        "import sys\n\ndef test_nothing():\n    assert 'bench.pytest_plugin' in sys.modules\n"
        "    assert not {'torch', 'pydantic', 'numpy', 'pynvml', 'bench.errors'} & set(sys.modules)\n"
    )
    for options in ((), ("-p", "no:benchmark")):
        done = run_pytest(tmp_path, "-W", "error", *options)
        assert done.returncode == 0, done.stdout + done.stderr


def test_it_is_found_by_its_entry_point():
    table = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    assert table["project"]["entry-points"]["pytest11"] == {"bench": "bench.pytest_plugin"}


@pytest.mark.usefixtures("_own_cache")
def test_settings_are_those_of_a_comparison():
    spec = spec_of("freeze", rounds=3, warmup_rounds=2, device="cpu", batch_size=4)
    assert (spec.name, spec.batch_size, spec.steps) == ("freeze", 4, 7)
    assert spec_of("freeze", rounds=3, warmup_rounds=2, device="cpu", batch_size=4) == spec
    assert spec_of("full", rounds=3, warmup_rounds=2, model="minilm-l6").workload.dataset == "rotten-tomatoes"


@pytest.mark.usefixtures("_own_cache")
def test_wrong_settings_say_so():
    with pytest.raises(UsageError, match="give 1 or more of each"):
        spec_of("full", rounds=1, warmup_rounds=0)
    with pytest.raises(UsageError, match="one strategy and one seed"):
        spec_of("full,freeze", rounds=10, warmup_rounds=10)
    with pytest.raises(UsageError, match="unknown strategy"):
        spec_of("frieze", rounds=10, warmup_rounds=10)
