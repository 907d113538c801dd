"""What each strategy trains."""

from xml.etree import ElementTree as ET

from bench.analysis.comparison import compare
from reports.charts.drawing import to_svg
from reports.charts.figures import charts
from reports.charts.theme import WIDE


def _texts(svg):
    root = ET.fromstring(svg.replace("xlink:href", "href"))
    return [element.text or "" for element in root.iter() if element.tag.endswith("text")]


def test_a_layer_that_trains_at_a_rate_of_zero_is_drawn(make_record):
    records = [make_record("full"), make_record("odd", lrs=(0.0, *(5e-324,) * 13))]
    charted = {chart.name: chart for chart in charts(compare(records))}
    assert "odd: 0e0 to 4.9e-324" in charted["trained_layers"].alternative
    assert "0e0 to 4.9e-324" in _texts(to_svg(charted["trained_layers"], WIDE))


def test_one_run_that_trains_nothing_but_frozen_layers_is_drawn(make_record):
    charted = {chart.name: chart for chart in charts(compare([make_record("none", lrs=(None,) * 14)]))}
    assert "nothing trains" in charted["trained_layers"].alternative
    assert "nothing trains" in _texts(to_svg(charted["trained_layers"], WIDE))
