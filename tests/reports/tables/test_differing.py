"""Many runs that differ in what they must not."""

from bench.analysis.comparison import compare
from reports.markdown import render_summary
from reports.pages.page import render_page
from reports.parts import Part, Whole
from reports.tables.differing import by_value


def test_runs_that_differ_in_a_setting_are_told_by_its_values(make_record):
    records = [
        make_record(f"s{index}", num_rows=60, workload={"max_length": 64 if index == 3 else 256}) for index in range(20)
    ]
    comparison = compare(records)
    assert list(by_value(comparison)) == [("max_length", "256", "the other 19"), ("max_length", "64", "s3")]
    summary, page = render_summary([Part(comparison)], None), render_page(Whole((Part(comparison),)), None, {})
    assert "| max_length | 256 | the other 19 |" in summary
    assert "| max_length | 64 | s3 |" in summary
    assert "<td>64</td><td>s3</td>" in page
