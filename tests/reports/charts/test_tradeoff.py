"""Memory against quality."""

from bench.analysis.comparison import compare
from bench.records.record import Flag
from reports.charts.drawing import to_svg
from reports.charts.figures import charts
from reports.charts.theme import WIDE
from tests.reports.reading import svg_texts


def test_a_strategy_that_is_not_ranked_is_not_drawn_as_beaten(make_record):
    flag = Flag(code="unsteady-steps", message="the last steps were slow")
    chart = charts(compare([make_record("full"), make_record("freeze", step=0.5, flags=(flag,))]))[0]
    assert chart.title == "Accuracy against training memory"
    assert "hollow" not in chart.caption
    assert {line[-1] for line in chart.table[1:]} == {"not ranked"}


def test_memory_at_its_baseline_is_drawn(make_record):
    record = make_record("full")
    memory = type(record.measured.memory)(nvml_delta_bytes=0)
    record = record.model_copy(update={"measured": record.measured.model_copy(update={"memory": memory})})
    assert "full" in svg_texts(to_svg(charts(compare([record]))[0], WIDE))
