import pytest

from bench.errors import UnknownName, UsageError
from bench.gate.judging.grammar import Rule, parse_rule, read_rules


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("amp throughput >= 1.2x full", ("amp", "samples_per_second", ">=", "full", 1.2, 0.0)),
        ("peak_memory <= 20 GiB", (None, "training_memory_bytes", "<=", None, None, 20 * 2.0**30)),
        ("peak_memory<=20GB", (None, "training_memory_bytes", "<=", None, None, 20e9)),
        ("accuracy >= full - 1 point", (None, "accuracy", ">=", "full", None, -0.01)),
        ("accuracy > 85 %", (None, "accuracy", ">", None, None, 0.85)),
        ("accuracy >= full", (None, "accuracy", ">=", "full", None, 0.0)),
        ("memory < full", (None, "training_memory_bytes", "<", "full", 1.0, 0.0)),
        ("freeze:last=2+amp step_time <= 85 ms", ("freeze:last=2+amp", "step_seconds_median", "<=", None, None, 0.085)),
        ("lora peak_memory <= full + 100 MiB", ("lora", "training_memory_bytes", "<=", "full", None, 100 * 2.0**20)),
        ("throughput >= 100 samples/s", (None, "samples_per_second", ">=", None, None, 100.0)),
        ("throughput  >=  1e2", (None, "samples_per_second", ">=", None, None, 100.0)),
    ],
)
def test_rules_are_read(text, rule):
    strategy, metric, op, other, factor, amount = rule
    expected = Rule(" ".join(text.split()), strategy, metric, op, other, factor, pytest.approx(amount))
    assert parse_rule(text) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("amp throughput", 'write "[strategy] metric >= bound"'),
        ("amp throughput == 3", "write"),
        ("a b throughput >= 3", "write"),
        ("throughput >= ", "write"),
        ("troughput >= 3", "Did you mean throughput?"),
        ("peak_memory <= 20", "20 of what? Give a unit: B, KiB"),
        ("peak_memory <= 20 Gib", "Did you mean GiB?"),
        ("accuracy >= 0.9x full", 'write "accuracy >= full - 1 point"'),
        ("accuracy >= full - many", "'many' is no number with a unit"),
        ("accuracy >= full minus 1 point", "is no bound"),
        ("step_time <= 1.5.2 s", "is no number"),
    ],
)
def test_what_is_no_rule_is_refused_with_the_way_out(text, words):
    with pytest.raises(UsageError) as caught:
        parse_rule(text)
    assert words in str(caught.value)


def test_files_are_read(tmp_path):
    path = tmp_path / "rules.toml"
    path.write_text('rules = ["peak_memory <= 20 GiB", "accuracy >= full", "accuracy >= full"]')
    assert [rule.metric for rule in read_rules(path)] == ["training_memory_bytes", "accuracy"]


@pytest.mark.parametrize(
    ("content", "error", "words"),
    [
        (b"rules = [", UsageError, "not valid TOML"),
        (b"\xff", UsageError, "not valid TOML"),
        (b"rule = ['accuracy >= full']", UnknownName, "Did you mean rules?"),
        (b"rules = []", UsageError, "give a list of sentences"),
        (b"rules = 'accuracy >= full'", UsageError, "give a list of sentences"),
        (b"", UsageError, "give a list of sentences"),
        (b"rules = [3]", UsageError, "give a list of sentences"),
    ],
)
def test_other_files_are_refused(tmp_path, content, error, words):
    path = tmp_path / "rules.toml"
    path.write_bytes(content)
    with pytest.raises(error) as caught:
        read_rules(path)
    assert words in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"absent\.toml: No such file"):
        read_rules(tmp_path / "absent.toml")
