"""Quality over the learning rates that were tried before the runs."""

from bench.analysis.comparison import compare
from reports.charts.theme import styles_of
from reports.charts.tuning import tuning

SCORES = {0.001: 0.6, 0.01: 0.7, 0.1: 0.9}
INSIDE = {0.001: 0.6, 0.01: 0.9, 0.1: 0.7}


def chart_of(*records):
    comparison = compare(records)
    return tuning(comparison, styles_of(result.strategy for result in comparison.results), "2_")


def test_it_is_missing_where_no_rate_was_searched_for(make_record):
    chart = chart_of(make_record("full"))
    assert chart.missing == "no learning rate was searched for (--tune lr)"
    assert chart.table[1:] == ()


def test_the_title_names_who_gains_most_and_what_lies_at_an_edge(tuned):
    assert chart_of(tuned("full", 0.85, INSIDE), tuned("freeze", 0.5, INSIDE), tuned("lora", 0.95, INSIDE)).title == (
        "Tuning helps 2 of 3 strategies, most freeze:lr=0.01: 90.0% against 50.0% at the default rates"
    )
    assert chart_of(tuned("full", 0.8, SCORES)).title == (
        "Tuning helps full:lr=0.1: 90.0% against 80.0% at the default rates; the best rate of full:lr=0.1 is at an edge of what was tried"
    )
    many = chart_of(*(tuned(f"s{index}", 0.8, SCORES) for index in range(3))).title
    assert many.endswith("; the best rate of 3 of 3 is at an edge of what was tried")


def test_a_title_claims_no_gain_that_may_be_noise(tuned):
    within = chart_of(tuned("full", 0.88, INSIDE, num_rows=100))
    assert within.title == "No strategy is shown to gain by tuning over its default rates"
    assert chart_of(tuned("full", 0.95, INSIDE)).title == "No rate that was tried is better than the default ones"
    assert (
        chart_of(tuned("full", 0.5, INSIDE, metric="macro_f1")).title
        == "Macro F1 on validation rows over the learning rate"
    )


def test_it_tells_how_rates_were_tried_and_every_trial(tuned):
    chart = chart_of(
        tuned("full", None, SCORES, short={0.0001: None}), tuned("lora", 0.95, SCORES, short={0.0001: 0.5})
    )
    assert chart.name == "2_tuning"
    assert "the default rates and 4 others" in chart.caption
    assert "All strategies had the same budget" in chart.caption
    assert "1,000 validation rows, held out of those to train on" in chart.caption
    assert "1,000 rows tell an accuracy to within 3.1 points or less" in chart.caption
    assert chart.table[1:4] == (
        ("full:lr=0.1", "default", "64", "diverged", "\N{EN DASH}", "8 s", ""),
        ("full:lr=0.1", "1e-4", "32", "diverged", "\N{EN DASH}", "4 s", ""),
        ("full:lr=0.1", "1e-3", "64", "60.0%", "0.400", "8 s", ""),
    )
    assert [line[-1] for line in chart.table[1:]] == ["", "", "", "", "yes, highest tried", "yes", "", "", "", ""]
    assert (
        "full:lr=0.1: 1e-1 was chosen, the highest that was tried, 90.0%, and at the default rates it diverged"
        in chart.alternative
    )
    assert "lora: default was chosen, 95.0%" in chart.alternative
    unlike = chart_of(tuned("full", 0.8, SCORES), tuned("lora", 0.8, {0.01: 0.9}))
    assert "same budget" not in unlike.caption
