"""Figures over a setting that varies."""

from bench.analysis.comparison import compare
from bench.analysis.grouping import split
from reports import write_report
from reports.charts.drawing import to_svg
from reports.charts.length_scan import length_scan
from reports.charts.rate_scan import rate_scan
from reports.charts.theme import WIDE
from tests.reports.reading import over_setting


def test_memory_that_was_not_measured_leaves_the_time(with_lengths):
    bare = [
        [
            record.model_copy(
                update={
                    "measured": record.measured.model_copy(update={"memory": type(record.measured.memory)()}),
                }
            )
            for record in runs
        ]
        for runs in with_lengths
    ]
    chart = over_setting(length_scan, split(bare))
    assert chart.title.endswith("\N{MULTIPLICATION SIGN} the time per sample")
    assert chart.table[1][3] == "\N{EN DASH}"
    assert "time per sample" in to_svg(chart, WIDE)
    assert "training memory" not in to_svg(chart, WIDE)


def test_without_such_runs_there_are_no_such_figures(records, make_record):
    unlike = compare([make_record("full"), make_record("freeze", workload={"max_length": 64})])
    for comparisons in ([compare(records)], [unlike, compare(records)]):
        assert over_setting(rate_scan, comparisons).missing == "no strategy was run at several learning rates"
        assert over_setting(length_scan, comparisons).missing == "no strategy was run at several maximal lengths"


def test_the_figures_stand_in_every_output(with_lengths, tmp_path):
    page = write_report(split(with_lengths), tmp_path).read_text()
    assert (tmp_path / "length_scan.png").exists()
    assert not (tmp_path / "rate_sensitivity.png").exists()
    assert "Over a setting that varies" in page
    assert "left out: no strategy was run at several learning rates" not in page
    assert "<h2>smollm2-135m on rotten-tomatoes, max length 128</h2>" in page
    assert "| strategy | maximal length |" in (tmp_path / "summary.md").read_text()
    write_report(split(with_lengths), tmp_path, figures_url="https://a.example")
    assert "(https://a.example/length_scan.png)" in (tmp_path / "summary.md").read_text()
    write_report(split(with_lengths[:1]), tmp_path)
    assert not (tmp_path / "length_scan.png").exists()
    assert "Over a setting that varies" not in (tmp_path / "report.html").read_text()
