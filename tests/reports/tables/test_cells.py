"""Cells of the main table."""

from bench.analysis.comparison import compare
from bench.records.flags import Flag
from reports.tables.cells import batches, cell, one_line, remark


def test_a_value_that_was_not_measured_is_a_dash(make_record):
    result = compare([make_record(status="killed")]).results[0]
    assert cell(result, "accuracy").value == "\N{EN DASH}"


def test_a_strategy_that_is_at_chance_is_remarked(make_record):
    comparison = compare([make_record(accuracy=0.4)])
    assert remark(comparison.results[0], comparison) == "not shown to beat the majority class (52.0%)"


def test_one_line_leaves_nothing_to_break_a_line():
    assert one_line(" a\n\tb\r\x00c\u2028d ") == "a b \N{REPLACEMENT CHARACTER}c d"


def _letters(records):
    comparison = compare(records)
    metric = "samples_per_second"
    return max(map(len, comparison.ranking.letters[metric].values())), {
        result.strategy: cell(result, metric, comparison).group for result in comparison.results
    }


def test_letters_that_nobody_could_read_are_left_out(monkeypatch, make_record):
    monkeypatch.setattr("bench.analysis.arrangement.MOST_TOGETHER", 30)
    records = [make_record(f"s{index}", seed=seed, step=1 + index / 100) for seed in range(3) for index in range(30)]
    longest, shown = _letters(records)
    assert longest > 8
    assert set(shown.values()) == {""}


def test_of_many_the_first_alone_have_letters_and_few(make_record):
    records = [
        make_record(f"s{index}", seed=seed, step=1 + index / 100, memory=(60 - index) << 25, accuracy=0.7 + index / 150)
        for seed in range(3)
        for index in range(30)
    ]
    longest, shown = _letters(records)
    first = [result.strategy for result in compare(records).arrangement.first]
    assert longest > 8
    assert {name for name, letters in shown.items() if letters} == {*first}
    assert max(map(len, shown.values())) <= 8


def test_micro_batches_are_told_with_the_batch_where_any_strategy_has_one(make_record):
    comparison = compare([make_record("full"), make_record("lora", micro_batch_size=4)])
    assert [batches(result, comparison) for result in comparison.results] == [
        "micro-batch 16 of 16",
        "micro-batch 4 of 16",
    ]
    plain = compare([make_record("full", micro_batch_size=16), make_record("lora")])
    assert [batches(result, plain) for result in plain.results] == ["", ""]


def test_a_micro_batch_that_was_halved_is_remarked(make_record):
    said = "micro-batch halved from 16 to 4, as more did not fit the memory"
    comparison = compare(
        [make_record(seed=seed, flags=(Flag(code="micro-batch-halved", message=said),)) for seed in (0, 1)]
    )
    assert remark(comparison.results[0], comparison) == said
