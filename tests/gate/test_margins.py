import pytest

from bench.errors import UsageError
from bench.gate.margins import Margins, read_margins
from bench.gate.sampling.findings import rules_of


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
        peak_memory_bytes = 0.03
        accuracy = 0.02
    """)
    margins = read_margins(path)
    assert margins.of("full") == {"step_seconds_median": 0.08, "step_seconds_mean": 0.08}
    rules = rules_of(margins.of("freeze:last=2+amp"))
    assert [rules.time.margin(metric) for metric in ("step_seconds_median", "step_seconds_mean")] == [0.2, 0.08]
    assert (rules.memory.margin, rules.accuracy.margin) == (0.03, 0.02)
    assert rules_of(margins.of("full")).memory.margin == 0.02


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
    assert "not valid TOML" in refused("[gate")


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"--config .*absent.toml: No such file"):
        read_margins(tmp_path / "absent.toml")
