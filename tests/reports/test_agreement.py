"""All outputs of a comparison say the same, and nobody is called ahead of whom it is tied with: read from their text."""

import html
import io
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from bench.analysis.comparison import compare
from reports.charts.figures import charts
from reports.markdown import render_summary
from reports.pages.page import render_page
from reports.parts import Figures, Part, Whole
from reports.terminal import summary_table
from tests.reports.reading import check_words, of_markdown, of_page, of_terminal
from tests.simulated import NAMES, comparisons


def _terminal(comparison, width):
    console = Console(file=io.StringIO(), width=width)
    console.print(summary_table(comparison))
    return console.file.getvalue()


def _page(comparison):
    return render_page(Whole((Part(comparison),)), None, {})


def _plain(page):
    """The words of a page, each paragraph on a line of its own."""
    return html.unescape(re.sub(r"<[^>]*>", "", re.sub(r"</(p|li|h\d)>", "\n", page)))


def _check(comparison):
    """Hold every text against the letters of the tables, which are the same."""
    drawn = charts(comparison)
    markdown, page = render_summary([Part(comparison, figures=Figures(drawn))], None), _page(comparison)
    table = of_markdown(markdown)
    shown = of_page(page)
    table.badges = shown.badges
    assert (shown.letters, shown.values, shown.reference) == (table.letters, table.values, table.reference)
    names = list(NAMES)
    said = "\n".join([comparison.headline, *comparison.sentences])
    num = check_words(table, "\n".join([said, *(chart.title for chart in drawn)]), names)
    assert num or comparison.form in {"undecided", "invalid"}
    assert check_words(table, re.sub(r"\\(.)", r"\1", markdown), names) >= check_words(table, said, names)
    assert check_words(table, _plain(page), names) >= check_words(table, said, names)
    for width in (80, 200):
        terminal = _terminal(comparison, width)
        words = "".join(terminal.split())
        long = len(comparison.results) > 8
        told = [one.text for one in comparison.said if not long or one.about != "standing"]
        assert all("".join(text.split()) in words for text in (comparison.headline, *told))
    seen = of_terminal(terminal, names)
    assert (seen.letters, seen.values) == (table.letters, table.values)
    _check_badges(table, comparison)


def _check_badges(table, comparison):
    """Who wears a badge is better, in speed or in accuracy, than everybody who does not, and tied with who does."""
    assert set(table.badges) == set(comparison.winners)
    for name in table.badges:
        for other in table.names("speed"):
            standings = {table.relation(metric, name, other) for metric in ("speed", "accuracy")}
            assert standings & ({0, None} if other in table.badges else {1, None}), (name, other)


@settings(max_examples=40)
@given(st.data())
def test_nobody_is_called_ahead_of_whom_it_is_tied_with(make_record, data):
    _check(compare(data.draw(comparisons(make_record))))


@pytest.mark.slow
@pytest.mark.timeout(1800)
@settings(max_examples=3000)
@given(st.data())
def test_nobody_is_in_thousands_of_comparisons(make_record, data):
    _check(compare(data.draw(comparisons(make_record))))
