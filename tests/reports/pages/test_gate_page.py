"""The page of the gate: what it says, and how a browser shows it."""

import math
import random
import re
from dataclasses import replace

import pytest
from markupsafe import escape

from bench.gate.judging.judgement import SEVERITY, Finding, Judgement, Side
from bench.gate.judging.memory import judge_memory
from bench.gate.judging.times import Pair, judge_time, unmeasured
from bench.gate.outputs.symbols import STYLES, headline
from reports.charts.drawing import to_svg
from reports.charts.pair_changes import pair_changes
from reports.charts.theme import NARROW
from reports.pages.gate_page import render_gate, write_gate
from reports.tables.cells import one_line
from tests.reports.looking import MODES, RULED, check_page


def _pairs(number, effect, noise, seed=0):
    draw = random.Random(seed)
    seconds = [(0.1 * math.exp(draw.gauss(0, noise)), 0.1 * (1 + effect)) for _ in range(number)]
    return [Pair([base] * 5, [head] * 5) for base, head in seconds]


VAGUE = Finding(
    "vague", "accuracy", "INCONCLUSIVE", "no end", 0.8, 0.79, -0.01, -9.0, 9.0, 0.01, 0.5,
    num_pairs=2, pairs=((0.8, 0.8), (0.8, 0.79)),
)  # fmt: skip
"""An interval that is far wider than its pairs."""


@pytest.fixture(scope="session")
def judgement(evil):
    """Every verdict, and names that would be markup."""
    return Judgement(
        (
            *judge_time("full", _pairs(6, 0.0, 0.01)),
            *judge_time("freeze:last=2+amp:dtype=bf16", _pairs(6, 0.09, 0.01), _pairs(6, 0.1, 0.01, 1)),
            *judge_time("llrd", _pairs(12, 0, 0.08)),
            *judge_time("checkpoint", _pairs(6, 0.033, 0.002)),
            *judge_time("faster", _pairs(6, -0.1, 0.01)),
            judge_memory("full", [500 << 20] * 4, [533 << 20] * 4),
            VAGUE,
            Finding("a.py::test_new", "median_seconds", "NEW", "base has none"),
            Finding("a.py::test_old", "median_seconds", "REMOVED", "head has none, which is allowed"),
            *(unmeasured(name, "step_seconds_median", name) for name in evil),
        ),
        Side(evil[0], evil[4], {evil[1]: evil[6]}),
        Side("feature/" + "w" * 60),
        (evil[0],),
    )


@pytest.fixture(scope="session")
def pages(judgement, tmp_path_factory):
    """The page of every verdict, of none, and of a head that crashed."""
    nothing = Judgement((), Side("a"), Side("b"))
    crashed = Judgement((), Side("a"), Side("b"), head_crashed="signal 11")
    made = {"every": judgement, "nothing": nothing, "crashed": crashed}
    return {name: write_gate(one, tmp_path_factory.mktemp(name)) for name, one in made.items()}


def test_the_page_says_what_the_terminal_says(judgement):
    assert {finding.verdict for finding in judgement.findings} == set(SEVERITY)
    text = render_gate(judgement)
    assert f'<h1 class="headline">{headline(judgement)}</h1>' in text
    words = re.findall(r'<span class="word">(.*?)</span> <span class="reason">(.*?)</span>', text)
    assert [word for word, _ in words] == [STYLES[finding.verdict].word for finding in judgement.by_severity]
    assert [reason for _, reason in words] == [
        str(escape(one_line(finding.reason))) for finding in judgement.by_severity
    ]
    assert "<script" not in text


def test_every_finding_with_pairs_is_drawn_with_its_numbers_behind(judgement):
    text = render_gate(judgement)
    with_pairs = [finding for finding in judgement.findings if finding.pairs]
    assert text.count("<figure>") == text.count("<svg") == len(with_pairs) == 12
    red = next(finding for finding in judgement.findings if finding.verdict == "FAIL")
    table = pair_changes(red, "red").table
    assert [line[0] for line in table] == ["pair", *map(str, range(1, 7)), *(f"rerun {n}" for n in range(1, 7))]
    base, head = red.pairs[0]
    assert table[1][3] == f"{head / base - 1:+.1%}"


def test_what_was_not_measured_in_pairs_is_not_drawn():
    assert pair_changes(unmeasured("full", "step_seconds_median", "why"), "name").missing
    losses = Finding("full", "first_losses", "PASS", "equal", change=0.0, pairs=((0.1, 0.1),))
    assert pair_changes(losses, "name").missing


def test_a_vague_interval_does_not_hide_the_pairs():
    svg = to_svg(pair_changes(VAGUE, "vague"), NARROW)
    ticks = re.findall(r">([+\u2212]?[\d.]+) points<", svg)
    assert len(ticks) >= 2
    assert max(float(tick.replace("\u2212", "-")) for tick in ticks) < 10


def test_only_the_worst_are_drawn_where_there_are_many(judgement):
    many = replace(judgement, findings=judgement.findings[:4] * 10)
    text = render_gate(many)
    assert text.count("<figure>") == 24
    assert "The pairs of 16 more findings are in gate.json." in text
    assert len(text) < 2**20


@pytest.mark.browser
@pytest.mark.parametrize(
    ("case", "mode"),
    [*(("every", mode) for mode in MODES), ("nothing", "phone"), ("crashed", "dark")],
)
def test_the_page_is_whole_and_accessible(opened, pages, case, mode):
    check_page(opened, pages[case], mode, ruled=RULED if case == "every" else MODES)


@pytest.mark.browser
def test_the_theme_of_the_reader_decides_the_colours(opened, pages):
    for what in (
        "getComputedStyle(document.querySelector('.chart svg text')).fill",
        "getComputedStyle(document.querySelector('.word')).color",
    ):
        light, dark = (opened(pages["every"], 1280, scheme)[0] for scheme in ("light", "dark"))
        assert light.evaluate(what) != dark.evaluate(what)
