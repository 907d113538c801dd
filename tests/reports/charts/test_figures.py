import re
from xml.etree import ElementTree as ET

import pytest
from matplotlib import pyplot as plt
from matplotlib.backends.backend_agg import FigureCanvasAgg

from bench.analysis.comparison import compare
from bench.records.record import Flag
from reports.charts.drawing import draw, to_svg
from reports.charts.figures import charts
from reports.charts.layout import fold, text_width
from reports.charts.theme import DARK, INK, LIGHT, NARROW, PAPER, WIDE, contrast, figure_style, styles_of


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
        "tradeoff", "differences", "memory_split", "step_split", "learning_curves", "confusion", "trained_layers",
    ]  # fmt: skip
    assert [chart.name for chart in drawn.values() if chart.missing] == ["memory_split", "step_split"]


def test_the_alternative_text_holds_the_numbers(drawn):
    assert "freeze: 862 MiB, 72.0%" in drawn["tradeoff"].alternative
    assert "freeze: accuracy \N{MINUS SIGN}8.2 points" in drawn["differences"].alternative
    assert "llrd:decay=0.8: 2.2e-6 to 4e-5" in drawn["trained_layers"].alternative


def test_a_title_says_what_was_found(drawn):
    titles = {name: chart.title for name, chart in drawn.items()}
    assert titles["tradeoff"] == "On the frontier of speed, memory and accuracy: freeze and freeze:last=2+amp"
    assert titles["differences"] == (
        "Detected against full: freeze and freeze:last=2+amp are faster, freeze, freeze:last=2+amp and llrd:decay=0.8 are "
        "lighter in memory, none is more accurate"
    )
    assert titles["trained_layers"] == "freeze trains 1 of 14 layers, full 14"


def test_every_chart_has_its_numbers_in_a_table(drawn, records):
    names = {record.spec.name for record in records}
    for chart in drawn.values():
        head, *lines = chart.table
        assert {len(line) for line in lines} <= {len(head)}
        assert {line[0] for line in lines} <= names
    frontier = {line[0]: line[-1] for line in drawn["tradeoff"].table[1:]}
    assert frontier == {"full": "no", "freeze": "yes", "freeze:last=2+amp": "yes", "llrd:decay=0.8": "no"}


def test_the_title_counts_what_the_ranking_claims_and_no_more(make_record):
    tied = charts(compare([make_record(name, seed=seed) for seed in range(3) for name in ("full", "same")]))[1]
    assert tied.title == "Detected against full: none is faster, none is lighter in memory, none is more accurate"
    single = charts(compare([make_record("full"), make_record("freeze", step=0.5, memory=1 << 30)]))[1]
    assert single.title == "Detected against full: freeze is faster, none is more accurate", "memory has no interval"


def test_a_strategy_that_is_not_ranked_is_not_drawn_as_beaten(make_record):
    flag = Flag(code="unsteady-steps", message="the last steps were slow")
    chart = charts(compare([make_record("full"), make_record("freeze", step=0.5, flags=(flag,))]))[0]
    assert chart.title == "Accuracy against training memory"
    assert "hollow" not in chart.caption
    assert {line[-1] for line in chart.table[1:]} == {"not ranked"}


def test_what_a_run_consists_of_is_drawn_where_it_was_measured(make_record, with_parts):
    charted = {chart.name: chart for chart in charts(compare([with_parts(make_record())]))}
    memory, step = charted["memory_split"], charted["step_split"]
    assert memory.table[0] == (
        "strategy", "weights", "gradients", "optimizer", "activations and the rest", "total",
    )  # fmt: skip
    assert memory.table[1][-1] == "2 GiB"
    assert memory.title == "Optimizer is 30% of the training memory of full"
    assert step.title == "Backward is 55% of a step of full"
    assert {"weights", "2 GiB", "full"} <= set(_texts(to_svg(memory, NARROW)))
    assert "pattern" in to_svg(memory, WIDE)


def test_the_target_is_where_the_reference_ends(drawn, make_record):
    head, full, freeze, *_ = drawn["learning_curves"].table
    assert head[-1] == "time until full is reached"
    assert full[2] == full[3]
    assert freeze[3] == "\N{EN DASH}"
    alone = {chart.name: chart for chart in charts(compare([make_record()]))}["learning_curves"]
    assert alone.title == "Accuracy over training time"
    slow = [make_record("full"), make_record("freeze", accuracy=0.6)]
    curves = {chart.name: chart for chart in charts(compare(slow))}["learning_curves"]
    assert curves.title == "Accuracy over training time"


def test_a_curve_is_praised_for_what_is_claimed_and_only_there(make_record):
    def title(*arms):
        records = [
            make_record(name, seed=seed, step=step, accuracy=share) for seed in range(3) for name, step, share in arms
        ]
        comparison = compare(records)
        return next(chart.title for chart in charts(comparison) if chart.name == "learning_curves")

    assert title(("full", 1, 0.8), ("amp", 0.5, 0.82)).startswith("amp reaches where full ends in ")
    assert title(("full", 1, 0.45), ("amp", 0.5, 0.47)) == "Accuracy over training time", (
        "none beats the majority class"
    )
    assert title(("full", 1, 0.8), ("a", 0.5, 0.82), ("b", 0.5, 0.82)) == "Accuracy over training time", "tied"


def test_nothing_is_praised_that_is_not_shown_to_beat_the_majority_class(make_record):
    arms = (("full", 1, 2, 0.45), ("freeze", 0.3, 1, 0.46))
    records = [
        make_record(name, seed=seed, step=step, memory=(memory << 30) + seed, accuracy=share)
        for seed in range(3)
        for name, step, memory, share in arms
    ]
    titles = {chart.name: chart.title for chart in charts(compare(records))}
    assert titles["tradeoff"] == "Accuracy against training memory"
    assert titles["differences"] == "Differences to full"
    one_learns = [*records, *(make_record("llrd", seed=seed, accuracy=0.8) for seed in range(3))]
    chart = charts(compare(one_learns))[0]
    assert chart.title == "On the frontier of speed, memory and accuracy: llrd"
    assert {line[0]: line[-1] for line in chart.table[1:]} == {
        "full": "not shown to beat the majority class",
        "freeze": "not shown to beat the majority class",
        "llrd": "yes",
    }


def test_marks_are_tagged_so_that_a_reader_can_choose(drawn):
    svg = to_svg(drawn["tradeoff"], WIDE)
    assert 'class="of-0"' in svg
    assert svg.count('class="of-1 seed"') == 1
    assert svg.count("<use") > 12
    assert "seed" in to_svg(drawn["learning_curves"], WIDE)


def test_many_seeds_leave_only_the_mean_curves(make_record):
    records = [make_record(name, seed=seed) for name in ("full", "freeze") for seed in range(51)]
    charted = {chart.name: chart for chart in charts(compare(records))}
    assert "seed" not in to_svg(charted["learning_curves"], WIDE)
    assert "seed" in to_svg(charted["tradeoff"], WIDE)


@pytest.mark.parametrize("width", [WIDE, NARROW])
@pytest.mark.parametrize("index", [0, 1, 4, 5])
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
    svg = to_svg(hostile[-1], WIDE)
    texts = _texts(svg)
    assert {evil[0], evil[1], evil[3]} <= set(texts)
    assert "<script" not in svg


def test_a_legend_keeps_a_name_that_begins_with_an_underscore(hostile):
    assert any(text == "_x" for text in _texts(to_svg(hostile[0], WIDE)))


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
    assert "\u5168\u91cf" in _texts(to_svg(chart, WIDE))
    assert draw(chart, "a on b").png.startswith(b"\x89PNG")


def test_a_figure_without_data_says_why(make_record):
    missing = {chart.name: chart.missing for chart in charts(compare([make_record(status="oom")]))}
    assert all(missing.values())
    assert missing["tradeoff"] == "no run has both training memory and accuracy"
    assert missing["differences"] == "no strategy can be set against a reference"


def test_a_layer_that_trains_at_a_rate_of_zero_is_drawn(make_record):
    records = [make_record("full"), make_record("odd", lrs=(0.0, *(5e-324,) * 13))]
    charted = {chart.name: chart for chart in charts(compare(records))}
    assert "odd: 0e0 to 4.9e-324" in charted["trained_layers"].alternative
    assert "0e0 to 4.9e-324" in _texts(to_svg(charted["trained_layers"], WIDE))


def test_one_run_that_trains_nothing_but_frozen_layers_is_drawn(make_record):
    charted = {chart.name: chart for chart in charts(compare([make_record("none", lrs=(None,) * 14)]))}
    assert "nothing trains" in charted["trained_layers"].alternative
    assert "nothing trains" in _texts(to_svg(charted["trained_layers"], WIDE))


def test_memory_that_was_not_measured_leaves_the_other_figures(make_record):
    record = make_record("full")
    measured = record.measured.model_copy(update={"memory": type(record.measured.memory)()})
    tradeoff, *_, curves, _ = charts(compare([record.model_copy(update={"measured": measured})]))
    assert tradeoff.missing
    assert not curves.missing


def test_memory_at_its_baseline_is_drawn(make_record):
    record = make_record("full")
    memory = type(record.measured.memory)(nvml_delta_bytes=0)
    record = record.model_copy(update={"measured": record.measured.model_copy(update={"memory": memory})})
    assert "full" in _texts(to_svg(charts(compare([record]))[0], WIDE))


def test_looks_differ_in_more_than_colour_and_stand_out_in_both_themes():
    styles = list(styles_of(map(str, range(12))).values())
    assert len({(style.colour, style.marker, style.dash) for style in styles}) == 12
    assert len({style.marker for style in styles[:10]}) == 10


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_text_and_graphics_stand_out_in_both_themes(theme):
    for ground in (theme["paper"], theme["card"]):
        for name in ("ink", "muted", "accent", "pass", "warn", "fail", "open"):
            assert contrast(theme[name], ground) >= 4.5, name
        for name in theme:
            assert not name.startswith("series-") or contrast(theme[name], ground) >= 3, name
    assert set(LIGHT) == set(DARK)
    assert len(set(LIGHT.values())) == len(LIGHT)


@pytest.mark.parametrize("text", ["freeze:last=2+amp:dtype=bf16+lora:rank=16", "W" * 60, "short", ""])
def test_folding_loses_nothing_and_fits(text):
    lines = fold(text, 1.5).split("\n")
    assert "".join(lines) == text
    assert all(text_width(line) <= 1.5 for line in lines)
