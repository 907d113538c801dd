import re
from xml.etree import ElementTree as ET

import pytest
from matplotlib import pyplot as plt
from matplotlib.backends.backend_agg import FigureCanvasAgg

from bench.comparison import compare
from reports.drawing import to_png, to_svg
from reports.figures import charts
from reports.layout import fold, text_width
from reports.theme import INK, NARROW, PAPER, WIDE, contrast, figure_style, looks


def _texts(svg):
    root = ET.fromstring(svg.replace("xlink:href", "href"))
    return [element.text or "" for element in root.iter() if element.tag.endswith("text")]


@pytest.fixture(scope="module")
def drawn(records):
    return {chart.name: chart for chart in charts(compare(records))}


@pytest.fixture(scope="module")
def hostile(hostile_records, evil):
    return charts(compare(hostile_records, evil[0]))


def test_the_figures_of_a_report(drawn):
    assert list(drawn) == [
        "tradeoff", "samples_per_second", "peak_memory", "accuracy", "learning_curves", "trained_layers",
    ]  # fmt: skip
    assert not any(chart.missing for chart in drawn.values())


def test_the_alternative_text_holds_the_numbers(drawn):
    assert "freeze: throughput 42.7, peak memory 862 MiB, accuracy 72.0%" in drawn["tradeoff"].alternative
    assert "by the means: freeze:last=2+amp." in drawn["tradeoff"].caption
    assert "Without a value: full+wide." in drawn["accuracy"].caption
    assert "llrd:decay=0.8: 2.2e-6 to 4e-5" in drawn["trained_layers"].alternative


@pytest.mark.parametrize("width", [WIDE, NARROW])
@pytest.mark.parametrize("index", range(6))
def test_every_label_stays_on_the_figure_and_clear_of_the_others(hostile, index, width):
    with figure_style("test"):
        figure = hostile[index].draw(width)
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        renderer = canvas.get_renderer()
        page = figure.bbox.padded(1)
        names = [text for legend in figure.legends for text in legend.get_texts()]
        inside = [text for axes in figure.axes for text in (*axes.texts, axes.xaxis.label, axes.yaxis.label)]
        boxes = [(text.get_text(), text.get_window_extent(renderer)) for text in names + inside if text.get_text()]
    assert len(boxes) > 12
    for text, box in boxes:
        assert page.contains(box.x0, box.y0), text
        assert page.contains(box.x1, box.y1), text
    for position, (text, box) in enumerate(boxes):
        for other, other_box in boxes[position + 1 :]:
            assert not box.padded(-1.5).overlaps(other_box.padded(-1.5)), (text, other)


def test_every_name_is_drawn_as_it_is(hostile, evil):
    svg = to_svg(hostile[1], WIDE)
    texts = _texts(svg)
    assert {evil[0], evil[1], evil[3]} <= set(texts)
    assert "<script" not in svg


def test_a_legend_keeps_a_name_that_begins_with_an_underscore(hostile):
    assert any(text.startswith("_x, ") for text in _texts(to_svg(hostile[0], WIDE)))


def test_the_svg_takes_its_colours_from_the_page(drawn):
    svg = to_svg(drawn["tradeoff"], WIDE)
    assert svg.startswith('<svg viewBox="0 0 648')
    assert INK not in svg
    assert PAPER not in svg
    assert {"var(--ink)", "var(--muted)", "var(--line)", "var(--paper)"} <= set(re.findall(r"var\(--\w+\)", svg))
    assert not re.findall(r"<(metadata|style|script|image)|https?://(?!www\.w3\.org)", svg)


def test_ids_are_unique_over_all_figures_of_a_page(drawn):
    page = "".join(to_svg(chart, width) for chart in drawn.values() for width in (WIDE, NARROW))
    ids = re.findall(r' id="([^"]+)"', page)
    assert ids
    assert len(ids) == len(set(ids))


def test_equal_records_make_equal_bytes(records, drawn):
    again = {chart.name: chart for chart in charts(compare(records))}
    assert to_svg(again["accuracy"], WIDE) == to_svg(drawn["accuracy"], WIDE)
    assert to_png(again["tradeoff"], "a on b") == to_png(drawn["tradeoff"], "a on b")


def test_figures_leave_nothing_behind(drawn):
    to_png(drawn["accuracy"], "a on b")
    assert plt.get_fignums() == []


def test_letters_that_the_font_lacks_do_not_warn(make_record):
    chart = charts(compare([make_record("\u5168\u91cf")]))[1]
    assert "\u5168\u91cf" in _texts(to_svg(chart, WIDE))
    assert to_png(chart, "a on b").startswith(b"\x89PNG")


def test_a_figure_without_data_says_why(make_record):
    missing = {chart.name: chart.missing for chart in charts(compare([make_record(status="oom")]))}
    assert all(missing.values())
    assert missing["accuracy"] == "no run has measured accuracy"


def test_one_run_that_trains_nothing_but_frozen_layers_is_drawn(make_record):
    charted = {chart.name: chart for chart in charts(compare([make_record("none", lrs=(None,) * 14)]))}
    assert "nothing trains" in charted["trained_layers"].alternative
    assert "nothing trains" in _texts(to_svg(charted["trained_layers"], WIDE))


def test_memory_that_was_not_measured_leaves_the_tradeoff_whole(make_record):
    record = make_record("full")
    measured = record.measured.model_copy(update={"memory": type(record.measured.memory)()})
    tradeoff, _, memory, *_ = charts(compare([record.model_copy(update={"measured": measured})]))
    assert "full" in _texts(to_svg(tradeoff, WIDE))
    assert memory.missing


@pytest.mark.parametrize("delta", [0, -(1 << 20)])
def test_memory_at_its_baseline_is_drawn(make_record, delta):
    record = make_record("full")
    memory = type(record.measured.memory)(nvml_delta_bytes=delta)
    record = record.model_copy(update={"measured": record.measured.model_copy(update={"memory": memory})})
    for chart in charts(compare([record]))[:3]:
        assert any(text.startswith("full") for text in _texts(to_svg(chart, WIDE)))


def test_looks_differ_in_more_than_colour_and_stand_out_in_both_themes():
    styles = list(looks(map(str, range(12))).values())
    assert len({(look.colour, look.marker, look.dash) for look in styles}) == 12
    assert len({look.marker for look in styles[:10]}) == 10
    for look in styles:
        assert contrast(look.colour, "#fefefe") >= 3
        assert contrast(look.colour, "#101418") >= 3


@pytest.mark.parametrize("text", ["freeze:last=2+amp:dtype=bf16+lora:rank=16", "W" * 60, "short", ""])
def test_folding_loses_nothing_and_fits(text):
    lines = fold(text, 1.5).split("\n")
    assert "".join(lines) == text
    assert all(text_width(line) <= 1.5 for line in lines)
