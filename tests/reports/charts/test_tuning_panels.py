"""The panels of trials: every mark where its rate and score are, readable on a screen and on a phone."""

import pytest

from bench.analysis.strategy_result import make_result
from bench.analysis.tuning import found_rates
from reports.charts.theme import NARROW, WIDE, figure_style, styles_of
from reports.charts.tuning_panels import draw_panels

SCORES = {0.001: 0.6, 0.01: 0.7, 0.1: 0.9}


def drawn(width, *records):
    found = found_rates(make_result(record.spec.name, (record,), is_reference=False) for record in records)
    with figure_style("x"):
        return draw_panels(found, styles_of(one.strategy for one in found), width)


def marks(axes, tag, marker):
    return [line for line in axes.lines if line.get_gid() == tag and line.get_marker() == marker]


def test_a_panel_has_its_trials_its_default_and_what_was_chosen(tuned):
    figure = drawn(WIDE, tuned("full", 0.8, SCORES, short={0.0001: None, 0.001: 0.5}))
    (axes,) = figure.axes
    rates = {tuple(line.get_xdata()) for line in axes.lines if line.get_gid() == "of-0"}
    assert {(0.001, 0.01, 0.1), (0.001,)} <= rates  # of a whole run, and shorter
    assert [list(line.get_xdata()) for line in marks(axes, "of-0", "x") if len(line.get_xdata())] == [[0.0001]]
    (arrow,) = marks(axes, "of-0", ">")
    assert arrow.get_xdata()[0] == axes.get_xlim()[1]
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert {"at an edge of what was tried", "did not finish", "chosen"} <= set(labels)
    assert "default rates, chosen" not in labels


def test_a_better_score_stands_higher_and_all_panels_have_one_scale(tuned):
    figure = drawn(NARROW, tuned("a", 0.8, SCORES), tuned("b", 0.95, SCORES))
    (axes,) = figure.axes
    assert axes.yaxis_inverted()
    of_a, of_b = (
        next(line.get_ydata() for line in axes.lines if line.get_gid() == tag and len(line.get_xdata()) == 3)
        for tag in ("of-0", "of-1")
    )
    assert of_a[0] > of_a[1] > of_a[2]
    assert of_b[0] - of_b[2] == pytest.approx(of_a[0] - of_a[2])
    assert not marks(axes, "of-1", ">")  # it keeps its default rates


@pytest.mark.parametrize("num", range(1, 10))
def test_there_are_as_many_columns_as_are_filled(tuned, num):
    figure = drawn(WIDE, *(tuned(f"s{index}", 0.8, SCORES) for index in range(num)))
    filled = [sum(line.get_marker() == ">" for line in axes.lines) for axes in figure.axes]  # an arrow for each panel
    assert sum(filled) == num
    assert len(filled) == (2 if num == 4 else min(3, num))
    assert all(filled)
    assert max(filled) == -(-num // 3)


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_forty_long_names_fit_into_their_columns(tuned, width):
    names = [f"freeze:last={index}+amp:dtype=bf16+label_smoothing" for index in range(40)]
    figure = drawn(width, *(tuned(name, 0.8, SCORES, num_rows=16) for name in names))
    axes = [each for each in figure.axes if each.get_visible()]
    assert len(axes) == (1 if width == NARROW else 3)
    assert figure.get_figheight() < (40 if width == NARROW else 16)
    with figure_style("x"):
        figure.draw_without_rendering()
        for each in axes:
            texts = [text for text in each.texts if text.get_text()]
            ends = [text.get_window_extent() for text in texts]
            assert len(ends) == 2 * (40 if width == NARROW else 14 if each is not axes[-1] else 12)
            assert not any(one.overlaps(other) for one in ends[::2] for other in ends[1::2])
