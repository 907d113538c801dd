"""Room for names in figures."""

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from reports.charts.drawing import to_svg
from reports.charts.layout import fold, text_width
from reports.charts.theme import NARROW, WIDE, figure_style
from tests.reports.reading import svg_texts


@pytest.mark.parametrize("width", [WIDE, NARROW])
@pytest.mark.parametrize("name", ["tradeoff", "differences", "learning_curves", "confusion"])
def test_every_label_stays_on_the_figure_and_clear_of_the_others(hostile, name, width):
    with figure_style("test"):
        figure = next(chart for chart in hostile if chart.name == name).draw(width)
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


def test_a_legend_keeps_a_name_that_begins_with_an_underscore(hostile):
    assert any(text == "_x" for text in svg_texts(to_svg(hostile[0], WIDE)))


@pytest.mark.parametrize("text", ["freeze:last=2+amp:dtype=bf16+lora:rank=16", "W" * 60, "short", ""])
def test_folding_loses_nothing_and_fits(text):
    lines = fold(text, 1.5).split("\n")
    assert "".join(lines) == text
    assert all(text_width(line) <= 1.5 for line in lines)
