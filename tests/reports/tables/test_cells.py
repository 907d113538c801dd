"""Cells of the main table."""

from bench.analysis.comparison import compare
from reports.tables.cells import cell, one_line, remark


def test_a_value_that_was_not_measured_is_a_dash(make_record):
    result = compare([make_record(status="killed")]).results[0]
    assert cell(result, "accuracy").value == "\N{EN DASH}"


def test_a_strategy_that_is_at_chance_is_remarked(make_record):
    comparison = compare([make_record(accuracy=0.4)])
    assert remark(comparison.results[0], comparison) == "not shown to beat the majority class (52.0%)"


def test_one_line_leaves_nothing_to_break_a_line():
    assert one_line(" a\n\tb\r\x00c\u2028d ") == "a b c d"


def test_letters_that_nobody_could_read_are_left_out(make_record):
    records = [make_record(f"s{index}", seed=seed, step=1 + index / 100) for seed in range(3) for index in range(30)]
    comparison = compare(records)
    assert max(map(len, comparison.ranking.letters["samples_per_second"].values())) > 8
    assert cell(comparison.results[0], "samples_per_second", comparison).group == ""
    assert cell(comparison.results[0], "accuracy", comparison).group == "a"
