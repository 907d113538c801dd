"""Sixty strategies stay readable: the frontier first, the others by family, every one once."""

import html
import re

import pytest

from bench.analysis.arrangement import MOST_FIRST, MOST_TOGETHER
from bench.analysis.comparison import compare
from reports.pages.page import render_page
from reports.parts import Part, Whole
from tests.reports.many import FAMILIES, UNFINISHED, many_records, names_of_many


@pytest.fixture(scope="module")
def many(make_record):
    return compare(many_records(make_record, num_rows=120))


@pytest.fixture(scope="module")
def page(many):
    return html.unescape(render_page(Whole((Part(many),)), None, {}))


def _named(table):
    return [re.sub("<wbr>", "", name) for name in re.findall(r'<span class="name">(.*?)</span>', table)]


def test_every_strategy_has_one_place(many):
    rows = many.arrangement
    assert sorted(result.strategy for result in rows.all) == sorted(names_of_many())
    frontier = {name for name in names_of_many() if many.on_frontier(name)}
    assert {result.strategy for result in rows.first} == frontier | {"full"}
    assert rows.more_on_frontier == ()
    families = {name: family for family, (_, _, listed) in FAMILIES.items() for name in listed.split()}
    for group in rows.families:
        assert {families.get(result.strategy, "Adapters and prompts") for result in group.results} == {group.title}
        qualities = [result.means["accuracy"] for result in group.results]
        assert qualities == sorted(qualities, reverse=True)
    assert [group.title for group in rows.families] == [*FAMILIES]
    assert {result.strategy for result in rows.unfinished.results} == {*UNFINISHED}
    assert rows.unfinished.about == "5 strategies: 3 were skipped, 1 diverged and 1 failed"


def test_the_page_has_every_row_once_the_frontier_first_and_a_fold_for_each_family(many, page):
    assert sorted(_named(page)) == sorted(names_of_many())
    first, *folds = page.split('<details class="family">')
    assert _named(first) == [result.strategy for result in many.arrangement.first]
    assert first.index('class="headline"') < first.index("On the frontier: ") < first.index("<table")
    assert page.index('<details class="family">') < page.index("Can you trust this?")
    for group, fold in zip(many.arrangement.groups, folds, strict=True):
        assert f"<summary><b>{group.title}</b> <span>{group.about}</span></summary>" in fold
        assert _named(fold) == [result.strategy for result in group.results]
    for _, reason in UNFINISHED.values():
        assert reason in folds[-1]
    assert "All 1,431 pairs of the 54 ranked strategies" in page


def test_of_a_long_frontier_the_best_in_each_metric_come_first(make_record):
    # The faster, the heavier.
    records = [
        make_record(f"s{index}", step=0.1 + index / 20, memory=(90 - index) << 24, num_rows=200) for index in range(30)
    ]
    comparison = compare(records, "s29")
    rows, quality = comparison.arrangement, [result.means["accuracy"] for result in comparison.results]
    assert len(comparison.ranking.frontier) > MOST_FIRST
    assert len(rows.first) == MOST_FIRST
    first = {result.strategy for result in rows.first}
    assert {"s0", "s29", f"s{quality.index(max(quality))}", *comparison.winners} <= first
    assert first.isdisjoint(rows.more_on_frontier)
    assert first | {*rows.more_on_frontier} == {*comparison.ranking.frontier, "s29"}
    shown = render_page(Whole((Part(comparison),)), None, {})
    assert shown.count('<span class="tag">on the frontier</span>') == len(rows.more_on_frontier)


@pytest.mark.parametrize("status", ["ok", "skipped"])
def test_rows_that_cannot_be_ranked_are_all_shown(make_record, status):
    records = [make_record(f"s{index}", status=status, accuracy=0.4, reason="why", num_rows=60) for index in range(20)]
    page = render_page(Whole((Part(compare(records)),)), None, {})
    assert sorted(_named(page)) == sorted(f"s{index}" for index in range(20))


def test_few_rows_stay_as_they_are_asked_for(make_record):
    comparison = compare(
        [make_record(f"s{index}", num_rows=60, accuracy=0.9 - index / 50) for index in range(MOST_TOGETHER)]
    )
    assert comparison.arrangement.first == comparison.results
    assert not comparison.arrangement.is_grouped
