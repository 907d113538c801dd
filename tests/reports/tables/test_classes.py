"""What rows of each class were predicted as, in every output."""

import html
import re

import numpy as np
import pytest

from bench.analysis.comparison import compare
from reports.charts.confusion import confusion
from reports.charts.drawing import draw, to_svg
from reports.charts.theme import NARROW, WIDE, styles_of
from reports.markdown import render_summary
from reports.pages.page import render_page
from reports.parts import Part, Whole
from reports.tables.classes import class_table
from reports.terminal import summary_table


@pytest.fixture
def two(make_record, evaluated):
    """Strategies on six rows: one gets all right but a "b", the other takes every row for "a"."""
    labels = [0, 0, 0, 1, 1, 2]
    return compare(
        [
            evaluated(make_record("full"), ("a", "b", "c"), labels, [0, 0, 0, 1, 2, 2]),
            evaluated(make_record("freeze"), ("a", "b", "c"), labels, [0] * 6),
        ]
    )


def chart(comparison, prefix=""):
    return confusion(comparison, styles_of(result.strategy for result in comparison.results), prefix)


def test_the_confusion_of_each_strategy_is_drawn_with_its_numbers(two):
    made = chart(two)
    assert made.missing == ""
    assert made.title == 'Most often confused: 50% of the rows of "b" are predicted as "a"'
    assert made.table[1:] == (
        ("full", '"a"', '"a"', "3", "100.0%"),
        ("full", '"b"', '"b"', "1", "50.0%"),
        ("full", '"b"', '"c"', "1", "50.0%"),
        ("full", '"c"', '"c"', "1", "100.0%"),
        ("freeze", '"a"', '"a"', "3", "100.0%"),
        ("freeze", '"b"', '"a"', "2", "100.0%"),
        ("freeze", '"c"', '"a"', "1", "100.0%"),
    )
    for width in (WIDE, NARROW):
        svg = to_svg(made, width)
        texts = re.findall(r"<text[^>]*>([^<]*)</text>", svg)
        assert sorted(text for text in texts if not text.isdecimal()) == [
            "a  1",
            "a  1",
            "b  2",
            "b  2",
            "c  3",
            "c  3",
            "freeze",
            "full",
        ]
        assert svg.count("fill: var(--accent)") == 7
        assert 'class="of-1"' in svg
    assert draw(made, "subtitle").png[:4] == b"\x89PNG"


def test_a_class_that_is_never_confused_is_a_finding(make_record, evaluated):
    sure = evaluated(make_record(), ("a", "b"), [0, 1], [0, 1])
    assert chart(compare([sure])).title == "Every row is predicted as its own class"


def test_what_cannot_be_drawn_is_left_out_with_its_reason(make_record, evaluated):
    names = tuple(f"c{number}" for number in range(31))
    many = compare([evaluated(make_record(), names, range(31), range(31))])
    assert chart(many).missing == "there are 31 classes, too many to read"
    old = make_record()
    unknown = old.measured.evaluation.model_copy(update={"classes": None, "labels": None, "predictions": None})
    old = old.model_copy(update={"measured": old.measured.model_copy(update={"evaluation": unknown})})
    assert chart(compare([old])).missing == "the records do not say what each row was predicted as"
    assert class_table(compare([old])) is None


def test_thirty_classes_of_many_strategies_stay_small_and_clear(make_record, evaluated):
    rng = np.random.default_rng(0)
    names = tuple(f"a rather long name of class {number}" for number in range(30))
    labels = rng.integers(0, 30, 2000)
    records = [
        evaluated(
            make_record(f"s{number}"),
            names,
            labels,
            np.where(rng.random(2000) < 0.3, labels, rng.integers(0, 30, 2000)),
        )
        for number in range(3)
    ]
    made = chart(compare(records))
    assert "The first 1 of 3 strategies" in made.caption
    assert len(to_svg(made, WIDE)) + len(to_svg(made, NARROW)) < 600_000


def test_scores_by_class_are_the_same_in_every_output(two, capsys):
    from rich.console import Console  # noqa: PLC0415

    found = class_table(two)
    assert found is not None
    assert [(line.name, line.num_rows, [score.f1 for score in line.scores]) for line in found.lines] == [
        ('"a"', 3, [1.0, pytest.approx(2 / 3)]),
        ('"b"', 2, [pytest.approx(2 / 3), 0.0]),
        ('"c"', 1, [pytest.approx(2 / 3), 0.0]),
    ]
    assert r'| "b" | 2 | 66.7% | 0.0% |' in render_summary([Part(two)], None)
    page = html.unescape(render_page(Whole((Part(two),)), None, {}))
    assert '<b>66.7%</b><span class="bounds">100.0% / 50.0%</span>' in page
    assert '<b>0.0%</b><span class="bounds">\N{EN DASH} / 0.0%</span>' in page
    Console(width=120).print(summary_table(two))
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "F1 by class rows full freeze" in lines
    assert '"c" 1 66.7% 0.0%' in lines


def test_what_has_no_room_is_counted(make_record, evaluated):
    labels = [*range(12), 3, 3]
    names = tuple("abcdefghijkl")
    comparison = compare([evaluated(make_record(f"s{number}"), names, labels, labels) for number in range(6)])
    found = class_table(comparison, most_classes=10, most_strategies=4)
    assert found is not None
    assert [line.name for line in found.lines[:2]] == ['"d"', '"a"']
    assert found.note == "F1 by class, without 2 more classes and 2 more strategies."
