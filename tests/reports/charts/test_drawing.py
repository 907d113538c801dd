"""Figures as SVG and PNG."""

import re

from matplotlib import pyplot as plt

from bench.analysis.comparison import compare
from reports.charts.drawing import draw, to_svg
from reports.charts.figures import charts
from reports.charts.theme import INK, NARROW, PAPER, WIDE
from tests.reports.reading import svg_texts


def test_every_name_is_drawn_as_it_is(hostile, evil):
    svg = to_svg(hostile[-1], WIDE)
    texts = svg_texts(svg)
    assert {evil[0], evil[1], evil[3]} <= set(texts)
    assert "<script" not in svg


def test_the_svg_takes_its_colours_from_the_page(drawn):
    svg = to_svg(drawn["tradeoff"], WIDE)
    assert svg.startswith('<svg viewBox="0 0 648')
    assert INK not in svg
    assert PAPER not in svg
    assert {"var(--ink)", "var(--muted)", "var(--line)", "var(--paper)"} <= set(re.findall(r"var\(--\w+\)", svg))
    assert not re.findall(r"<(metadata|style|script|image)|https?://(?!www\.w3\.org)", svg)


def test_ids_are_unique_over_all_figures_of_a_page(drawn):
    shown = [chart for chart in drawn.values() if not chart.missing]
    page = "".join(to_svg(chart, width) for chart in shown for width in (WIDE, NARROW))
    ids = re.findall(r' id="([^"]+)"', page)
    assert ids
    assert len(ids) == len(set(ids))


def test_equal_records_make_equal_bytes(records, drawn):
    again = {chart.name: chart for chart in charts(compare(records))}
    assert to_svg(again["differences"], WIDE) == to_svg(drawn["differences"], WIDE)
    assert draw(again["tradeoff"], "a on b").png == draw(drawn["tradeoff"], "a on b").png


def test_figures_leave_nothing_behind(drawn):
    draw(drawn["learning_curves"], "a on b")
    assert plt.get_fignums() == []


def test_letters_that_the_font_lacks_do_not_warn(make_record):
    chart = charts(compare([make_record("\u5168\u91cf")]))[-1]
    assert "\u5168\u91cf" in svg_texts(to_svg(chart, WIDE))
    assert draw(chart, "a on b").png.startswith(b"\x89PNG")
