"""Figures as SVG and PNG."""

import io
import re
from dataclasses import replace

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


def test_a_file_shows_the_whole_of_its_titles(drawn, tuned):
    def is_whole(title, subtitle):
        png = draw(replace(drawn["learning_curves"], title=title), subtitle).png
        top = plt.imread(io.BytesIO(png))[:150, :, :3]
        assert top.min() < 0.5  # there is a title
        return top[:, -20:].min() > 0.9

    names = [f"freeze:last={index}+amp:dtype=bf16" for index in range(4)]
    comparison = compare([tuned(name, 0.5, {0.001: 0.6, 0.01: 0.7, 0.1: 0.9}) for name in names])
    title = next(chart.title for chart in charts(comparison) if chart.name == "tuning")
    assert title.endswith("the best rate of 4 of 4 is at an edge of what was tried")
    assert is_whole(title, "a on b")
    assert is_whole("W" * 200, "a on b")
    assert is_whole("Tuning", ", ".join(names * 2))


def test_letters_that_the_font_lacks_do_not_warn(make_record):
    chart = charts(compare([make_record("\u5168\u91cf")]))[-1]
    assert "\u5168\u91cf" in svg_texts(to_svg(chart, WIDE))
    assert draw(chart, "a on b").png.startswith(b"\x89PNG")
