"""Sixty strategies stay readable: the frontier first, the others by family, every one once."""

import html
import re

import pytest

from bench.analysis.arrangement import MOST_FIRST
from bench.analysis.comparison import compare
from reports.charts.drawing import to_svg
from reports.charts.figures import charts
from reports.charts.theme import NARROW, WIDE
from reports.markdown import render_summary
from reports.marking import escape
from reports.notebook import comparison_html
from reports.pages.page import render_page
from reports.parts import Part, Whole, parts_of
from reports.tables.cells import first_title
from tests.reports.many import FAMILIES, UNFINISHED, many_records, names_of_many
from tests.reports.reading import in_terminal, svg_texts


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
    assert {*rows.frontier} == frontier
    assert {result.strategy for result in rows.first} == frontier | {"full", *many.conclusion.leaders[:3]}
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
    assert {*rows.frontier} == {*comparison.ranking.frontier}
    shown = render_page(Whole((Part(comparison),)), None, {})
    assert shown.count('<span class="tag">frontier</span>') == len(rows.frontier)
    assert f"On the frontier: {len(rows.frontier)} of 30 (here 10, the best in accuracy, memory and speed)." in shown


@pytest.mark.parametrize("width", [80, 120])
def test_the_terminal_has_every_row_on_a_line_of_its_own_below_those_that_come_first(many, width):
    shown = in_terminal(many, width)
    assert max(map(len, shown.splitlines())) <= width
    table = shown[: shown.index("Strategies that share a letter")]
    first = many.arrangement.first
    places = [table.index(f"\n{result.strategy} ") for result in first]
    assert places == sorted(places)
    for group in many.arrangement.families:
        title = table.index(f"\n{group.title} ({len(group.results)})\n")
        assert title > max(places)
        below = table[title:].split("\n\n")[0]
        assert sum("%" in line for line in below.splitlines()) == len(group.results)
    assert table[table.index("\N{BOX DRAWINGS LIGHT HORIZONTAL}") :].count("%") == 55
    words = " ".join(shown[shown.index(many.headline[:20]) :].split())
    for name, (_, reason) in UNFINISHED.items():
        assert name in words
        assert reason in words


@pytest.mark.parametrize("status", ["ok", "skipped"])
def test_rows_that_cannot_be_ranked_are_all_shown(make_record, status):
    records = [make_record(f"s{index}", status=status, accuracy=0.4, reason="why", num_rows=60) for index in range(20)]
    page = render_page(Whole((Part(compare(records)),)), None, {})
    assert sorted(_named(page)) == sorted(f"s{index}" for index in range(20))


def test_the_summary_has_the_first_in_the_open_and_every_family_to_be_opened(many):
    summary = render_summary([Part(many)], None)
    shown, *folds = summary.split("<details>")
    first, groups = many.arrangement.first, many.arrangement.groups
    assert re.findall(r"^\| \*\*(.*?)\*\*[ ;]", shown, re.MULTILINE) == [escape(result.strategy) for result in first]
    for group, fold in zip(groups, folds, strict=False):
        assert fold.startswith(f"<summary>{group.title}: {group.about}</summary>")
        assert re.findall(r"^\| \*\*(.*?)\*\*[ ;]", fold, re.MULTILINE) == [
            escape(result.strategy) for result in group.results
        ]
    assert len(folds) == len(groups) + 1
    assert all(escape(reason) in summary for _, reason in UNFINISHED.values())


def test_a_notebook_folds_the_families(many):
    shown = html.unescape(comparison_html(many))
    assert shown.count("<details>") == len(many.arrangement.groups)
    assert shown.count("<tr>") + shown.count("<tr ") == len(many.results) + 1 + len(many.arrangement.groups)
    first, _ = shown.split("<details>", 1)
    assert all(f"<td>{result.strategy}" in first for result in many.arrangement.first)


@pytest.fixture(scope="module")
def figures(many):
    return {chart.name: chart for chart in charts(many)}


def test_figures_draw_the_first_and_their_data_has_all(many, figures):
    first, finished = many.arrangement.first, len(many.arrangement.finished)
    for name in ("learning_curves", "trained_layers", "differences"):
        chart = figures[name]
        said = f"Drawn: {first_title(many)[0].lower()}{first_title(many)[1:]}, "
        assert said in chart.caption
        assert len(chart.table) - 1 >= finished - 1
    told = {line[0] for line in figures["confusion"].table[1:]}
    assert told == {result.strategy for result in first}


def test_the_tradeoff_names_the_first_and_has_the_others_in_grey(many, figures):
    chart = figures["tradeoff"]
    others = len(many.arrangement.finished) - len(many.arrangement.first)
    assert f"Grey: the other {others} of {len(many.arrangement.finished)} strategies" in chart.caption
    for width in (WIDE, NARROW):
        svg = to_svg(chart, width)
        words = svg_texts(svg)
        assert {result.strategy for result in many.arrangement.first} <= {*words}
        assert "lora:r=2" not in words
        assert all(f"{rows.title} ({len(rows.results)})" in words for rows in many.arrangement.families)
        tags = {int(tag) for tag in re.findall(r'class="of-(\d+)"', svg)}
        assert len(tags) == len(many.arrangement.finished), "each can be dimmed"


def test_of_many_strategies_on_several_workloads_those_that_come_first_somewhere_are_in_the_open(make_record):
    comparisons = [
        compare(
            [
                make_record(f"s{index}", num_rows=60, step=1 + (index - best) ** 2, workload={"max_length": 64 + best})
                for index in range(18)
            ]
        )
        for best in (3, 9)
    ]
    page = render_page(Whole(parts_of(comparisons)), None, {})
    shown, folded = page[: page.index("Choose strategies")].split("<details>")
    first = {result.strategy for comparison in comparisons for result in comparison.arrangement.first}
    assert {"s3", "s9"} <= first
    assert {*_named(shown)} == first
    assert sorted([*_named(shown), *_named(folded.split("</details>")[0])]) == sorted(
        f"s{index}" for index in range(18)
    )
