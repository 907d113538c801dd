"""Accuracy over training time."""

from bench.analysis.comparison import compare
from reports.charts.drawing import to_svg
from reports.charts.figures import charts
from reports.charts.theme import WIDE


def test_the_target_is_where_the_reference_ends(drawn, make_record):
    head, full, freeze, *_ = drawn["learning_curves"].table
    assert head[-1] == "time until full is reached"
    assert full[2] == full[3]
    assert freeze[3] == "\N{EN DASH}"
    alone = {chart.name: chart for chart in charts(compare([make_record()]))}["learning_curves"]
    assert alone.title == "Accuracy over training time"
    slow = [make_record("full"), make_record("freeze", accuracy=0.6)]
    curves = {chart.name: chart for chart in charts(compare(slow))}["learning_curves"]
    assert curves.title == "Accuracy over training time"


def test_a_curve_is_praised_for_what_is_claimed_and_only_there(make_record):
    def title(*arms):
        records = [
            make_record(name, seed=seed, step=step, accuracy=share) for seed in range(3) for name, step, share in arms
        ]
        comparison = compare(records)
        return next(chart.title for chart in charts(comparison) if chart.name == "learning_curves")

    assert title(("full", 1, 0.8), ("amp", 0.5, 0.82)).startswith("amp reaches where full ends in ")
    assert title(("full", 1, 0.45), ("amp", 0.5, 0.47)) == "Accuracy over training time", (
        "none beats the majority class"
    )
    assert title(("full", 1, 0.8), ("a", 0.5, 0.82), ("b", 0.5, 0.82)) == "Accuracy over training time", "tied"


def test_many_seeds_leave_only_the_mean_curves(make_record):
    records = [make_record(name, seed=seed) for name in ("full", "freeze") for seed in range(51)]
    charted = {chart.name: chart for chart in charts(compare(records))}
    assert "seed" not in to_svg(charted["learning_curves"], WIDE)
    assert "seed" in to_svg(charted["tradeoff"], WIDE)
