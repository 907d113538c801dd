"""Cells of the main table."""

from bench.analysis.comparison import compare
from bench.records.flags import Flag
from reports import render
from reports.tables.cells import batches, cell, column_title, one_line, remark, shown


def test_a_value_that_was_not_measured_is_a_dash(make_record):
    result = compare([make_record(status="killed")]).results[0]
    assert cell(result, "accuracy").value == "\N{EN DASH}"


def test_a_strategy_that_is_at_chance_is_remarked(make_record):
    comparison = compare([make_record(accuracy=0.4)])
    assert remark(comparison.results[0], comparison) == "not shown to beat the majority class (52.0%)"


def test_runs_of_several_processes_have_more_columns_and_others_have_not(make_record, in_processes):
    alone, shared = (
        compare([make_record()]),
        compare([in_processes(make_record()), make_record("freeze", status="oom")]),
    )
    several = ["processes", "least of a process", "communication"]
    titles = [[column_title(metric) for metric in shown(comparison)] for comparison in (alone, shared)]
    assert titles[1] == [*titles[0], *several]
    for kind in ("html", "md"):
        texts = [render([comparison], kind) for comparison in (alone, shared)]
        assert not any(title in texts[0] for title in several), kind
        assert all(title in texts[1] for title in several), kind
    cells = [cell(shared.results[0], metric).value for metric in shown(shared)[-3:]]
    assert cells == ["2", "2 GiB", "25.0%"]
    assert cell(shared.results[1], "communication_share").value == "\N{EN DASH}"


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
