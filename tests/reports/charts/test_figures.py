from bench.analysis.comparison import compare
from reports.charts.drawing import to_svg
from reports.charts.figures import charts
from reports.charts.theme import WIDE


def test_the_figures_of_a_report(drawn):
    assert list(drawn) == [
        "tradeoff", "differences", "memory_split", "step_split", "tuning", "learning_curves", "confusion", "trained_layers",
    ]  # fmt: skip
    assert [chart.name for chart in drawn.values() if chart.missing] == ["memory_split", "step_split", "tuning"]


def test_the_alternative_text_holds_the_numbers(drawn):
    assert "freeze: 862 MiB, 72.0%" in drawn["tradeoff"].alternative
    assert "freeze: accuracy \N{MINUS SIGN}8.2 points" in drawn["differences"].alternative
    assert "llrd:decay=0.8: 2.2e-6 to 4e-5" in drawn["trained_layers"].alternative


def test_a_title_says_what_was_found(drawn):
    titles = {name: chart.title for name, chart in drawn.items()}
    assert titles["tradeoff"] == "On the frontier of speed, memory and accuracy: freeze and freeze:last=2+amp"
    assert titles["differences"] == (
        "Detected against full: freeze and freeze:last=2+amp are faster, freeze, freeze:last=2+amp and llrd:decay=0.8 are "
        "lighter in memory, none is more accurate"
    )
    assert titles["trained_layers"] == "freeze trains 1 of 14 layers, full 14"


def test_every_chart_has_its_numbers_in_a_table(drawn, records):
    names = {record.spec.name for record in records}
    for chart in drawn.values():
        head, *lines = chart.table
        assert {len(line) for line in lines} <= {len(head)}
        assert {line[0] for line in lines} <= names
    frontier = {line[0]: line[-1] for line in drawn["tradeoff"].table[1:]}
    assert frontier == {"full": "no", "freeze": "yes", "freeze:last=2+amp": "yes", "llrd:decay=0.8": "no"}


def test_nothing_is_praised_that_is_not_shown_to_beat_the_majority_class(make_record):
    arms = (("full", 1, 2, 0.45), ("freeze", 0.3, 1, 0.46))
    records = [
        make_record(name, seed=seed, step=step, memory=(memory << 30) + seed, accuracy=share)
        for seed in range(3)
        for name, step, memory, share in arms
    ]
    titles = {chart.name: chart.title for chart in charts(compare(records))}
    assert titles["tradeoff"] == "Accuracy against training memory"
    assert titles["differences"] == "Differences to full"
    one_learns = [*records, *(make_record("llrd", seed=seed, accuracy=0.8) for seed in range(3))]
    chart = charts(compare(one_learns))[0]
    assert chart.title == "On the frontier of speed, memory and accuracy: llrd"
    assert {line[0]: line[-1] for line in chart.table[1:]} == {
        "full": "not shown to beat the majority class",
        "freeze": "not shown to beat the majority class",
        "llrd": "yes",
    }


def test_marks_are_tagged_so_that_a_reader_can_choose(drawn):
    svg = to_svg(drawn["tradeoff"], WIDE)
    assert 'class="of-0"' in svg
    assert svg.count('class="of-1 seed"') == 1
    assert svg.count("<use") > 12
    assert "seed" in to_svg(drawn["learning_curves"], WIDE)


def test_a_figure_without_data_says_why(make_record):
    missing = {chart.name: chart.missing for chart in charts(compare([make_record(status="oom")]))}
    assert all(missing.values())
    assert missing["tradeoff"] == "no run has both training memory and accuracy"
    assert missing["differences"] == "no strategy can be set against a reference"


def test_memory_that_was_not_measured_leaves_the_other_figures(make_record):
    record = make_record("full")
    measured = record.measured.model_copy(update={"memory": type(record.measured.memory)()})
    tradeoff, *_, curves, _ = charts(compare([record.model_copy(update={"measured": measured})]))
    assert tradeoff.missing
    assert not curves.missing
