"""Differences to the reference."""

from bench.analysis.comparison import compare
from reports.charts.figures import charts


def test_the_title_counts_what_the_ranking_claims_and_no_more(make_record):
    tied = charts(compare([make_record(name, seed=seed) for seed in range(3) for name in ("full", "same")]))[1]
    assert tied.title == "Detected against full: none is faster, none is lighter in memory, none is more accurate"
    single = charts(compare([make_record("full"), make_record("freeze", step=0.5, memory=1 << 30)]))[1]
    assert single.title == "Detected against full: freeze is faster, none is more accurate", "memory has no interval"
