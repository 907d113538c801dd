"""Time and memory over the maximal length."""

from bench.analysis.grouping import split
from reports.charts.drawing import to_svg
from reports.charts.length_scan import length_scan
from reports.charts.theme import NARROW, WIDE
from tests.reports.reading import over_setting


def test_time_and_memory_stand_over_the_length(with_lengths):
    comparisons = split(with_lengths)
    chart = over_setting(length_scan, comparisons)
    title = "From 64 to 256 tokens, full takes 4.0"
    assert chart.title.startswith(title)
    assert chart.title.endswith(
        "\N{MULTIPLICATION SIGN} the time per sample and 4.00\N{MULTIPLICATION SIGN} the memory"
    )
    assert chart.table[1][:2] == ("full", "64 tokens")
    assert "full: at 64 tokens" in chart.alternative
    for width in (WIDE, NARROW):
        svg = to_svg(chart, width)
        assert 'class="of-1 seed"' in svg
        assert "time per sample" in svg
        assert "training memory" in svg
