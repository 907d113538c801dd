import re
from pathlib import Path

import pytest

from bench.errors import UsageError
from bench.experiment.spec import canonical
from bench.gate.judging.grammar import read_rules
from bench.gate.judging.margins import Margins, matches, read_margins


@pytest.fixture
def refused(tmp_path):
    def refused(text):
        path = tmp_path / "bench.toml"
        path.write_text(text)
        with pytest.raises(UsageError) as error:
            read_margins(path)
        return str(error.value)

    return refused


def test_margins_by_strategy_and_metric(tmp_path):
    path = tmp_path / "bench.toml"
    path.write_text("""
        strategies = "full"
        [gate]
        margin = 0.08
        [gate.margins."freeze:last=2 + amp"]
        step_seconds_median = 0.2
        training_memory_bytes = 0.03
        accuracy = 0.02
    """)
    margins = read_margins(path)
    metrics = ("step_seconds_median", "step_seconds_mean", "training_memory_bytes", "accuracy")
    assert margins.of("full") == dict(zip(metrics, (0.08, 0.08, 0.02, 0.01), strict=True))
    assert margins.of("freeze:last=2+amp") == dict(zip(metrics, (0.2, 0.08, 0.03, 0.02), strict=True))


def test_margins_of_benchmarks_by_name_and_pattern(tmp_path):
    path = tmp_path / "bench.toml"
    path.write_text("""
        [gate]
        allow_missing = ["tests/old.py::*"]
        [gate.margins."tests/test_a.py::test_b[10]"]
        median = 0.5
        [gate.margins."tests/test_a.py::*"]
        median = 0.2
        step_seconds_mean = 0.3
        [gate.margins."tests/*::test_b*"]
        mean = 0.4
        peak_memory_bytes = 0.1
    """)
    margins = read_margins(path)
    assert margins.allow_missing == ("tests/old.py::*",)
    metrics = ("median_seconds", "mean_seconds", "peak_memory_bytes")
    assert margins.of_benchmark("tests/test_a.py::test_c") == dict(zip(metrics, (0.2, 0.3, 0.02), strict=True))
    assert margins.of_benchmark("tests/test_a.py::test_b[10]") == dict(zip(metrics, (0.5, 0.4, 0.1), strict=True))
    assert margins.of_benchmark("other.py::test") == dict(zip(metrics, (0.05, 0.05, 0.02), strict=True))
    assert margins.strategies == {}


def test_a_pattern_takes_brackets_as_they_are():
    assert matches("a.py::test[1]", ["a.py::test[1]"])
    assert not matches("a.py::test1", ["a.py::test[1]"])
    assert matches("a.py::test[x\n]", ["*::test[*]"])
    assert not matches("a.py::test[1]", ["a.py::test"])


@pytest.mark.parametrize(
    "name", ["freeze:last=2:lr=1e-3", "full + amp", "./mine.py:Topmost:share=0.5", "/a/b.py:C+amp"]
)
def test_a_strategy_with_any_value_is_no_benchmark(tmp_path, name):
    path = tmp_path / "bench.toml"
    path.write_text(f'[gate.margins."{name}"]\naccuracy = 0.1\n')
    assert read_margins(path).of(canonical(name))["accuracy"] == 0.1


@pytest.mark.parametrize(
    "name", ["tests/test_a.py::test_b[10]", "test_a.py", "*", "test_sort*", "tests/*", "a::b", "x?"]
)
def test_a_benchmark_or_pattern_is_no_strategy(tmp_path, name):
    path = tmp_path / "bench.toml"
    path.write_text(f'[gate.margins."{name}"]\nmedian = 0.1\n')
    assert list(read_margins(path).benchmarks) == [name]


def test_without_a_file_or_a_table_they_are_the_default_ones(tmp_path):
    (tmp_path / "bench.toml").write_text("strategies = 'full'")
    assert read_margins(None) == read_margins(tmp_path / "bench.toml") == Margins(0.05)


def test_what_is_wrong_is_named(refused):
    assert "Did you mean margin?" in refused("[gate]\nmargn = 0.1")
    assert "Did you mean accuracy?" in refused("[gate.margins.full]\naccurcy = 0.1")
    assert "Did you mean freeze?" in refused("[gate.margins.freze]\naccuracy = 0.1")
    assert "margin is 5; a margin is a share between 0 and 1" in refused("[gate]\nmargin = 5")
    assert "margins.full.accuracy is True" in refused("[gate.margins.full]\naccuracy = true")
    assert '[gate.margins."freeze"]' in refused("[gate]\nmargins = 0.1")
    assert '[gate.margins."freeze"]' in refused("[gate.margins]\nfull = 0.1")
    assert "gate is a table" in refused("gate = 3")
    assert "Did you mean median?" in refused('[gate.margins."a.py::*"]\nmedan = 0.1')
    assert "metric of the gate" in refused('[gate.margins."a.py::*"]\naccuracy = 0.1')
    assert "allow_missing is 'a.py::*'; give a list" in refused("[gate]\nallow_missing = 'a.py::*'")
    assert "give a list" in refused("[gate]\nallow_missing = [1]")
    assert "margin is 1111111111" in refused(f"[gate]\nmargin = {'1' * 400}")
    assert "margin is nan" in refused("[gate]\nmargin = nan")
    assert "not valid TOML" in refused("[gate")


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"--config .*absent.toml: No such file"):
        read_margins(tmp_path / "absent.toml")


def test_memory_may_go_by_its_former_name(tmp_path):
    path = tmp_path / "bench.toml"
    for name in ("peak_memory_bytes", "training_memory_bytes"):
        path.write_text(f"[gate.margins.full]\n{name} = 0.1\n")
        assert read_margins(path).of("full")["training_memory_bytes"] == 0.1


def test_every_file_of_the_guide_can_be_read(tmp_path):
    docs = Path(__file__).parents[3] / "docs"
    guide = "".join((docs / name).read_text() for name in ("gate.md", "rules.md"))
    blocks = re.findall(r"```toml [a-z.]+\n(.*?)```", guide, flags=re.DOTALL)
    assert len(blocks) == 3
    for number, block in enumerate(blocks):
        path = tmp_path / f"{number}.toml"
        path.write_text(block)
        assert read_rules(path) if "rules = " in block else read_margins(path) != Margins()
