import re
from dataclasses import replace

from bench.analysis.comparison import compare
from bench.experiment.budget import Budget
from bench.recommending.recommend import recommend
from reports.markdown import render_summary
from reports.pages.page import render_page
from reports.parts import Part, Whole
from reports.tables.budget import budget_lines, budget_title, budget_titles

GIB = 2.0**30


def test_every_strategy_stands_beside_its_bounds(records):
    found = recommend(compare(records), Budget(memory=2 * GIB, min_accuracy=0.6, risk=0.1))
    assert budget_title(found) == "Every strategy under the budget, with 90% intervals"
    assert budget_titles(found) == ("memory, at most 2 GiB", "accuracy, at least 60.0%")
    lines = {line.strategy: line for line in budget_lines(found)}
    assert next(iter(lines.values())).said == "recommended"
    assert lines["full"].said == "falls out"
    assert [cell.verdict for cell in lines["full"].cells] == ["beyond", "within"]
    assert [cell.marked for cell in lines["full+wide"].cells] == ["\N{EN DASH}"] * 2, "not measured, and no verdict"


def test_page_and_summary_show_it_where_a_budget_was_given(records):
    comparison = compare(records)
    plain = Part(comparison, title="a")
    with_budget = replace(plain, recommendation=recommend(comparison, Budget(memory=2 * GIB)))
    page, summary = render_page(Whole((with_budget,)), None, {}), render_summary([with_budget], None)
    assert with_budget.recommendation.headline in page
    section = re.search(r'<section class="budget".*?</section>', page, re.DOTALL)[0]
    assert section.count('<tr role="row" class=') == len(comparison.results)
    assert "memory, at most 2 GiB" in summary
    assert 'class="budget"' not in render_page(Whole((plain,)), None, {})
    assert "at most 2 GiB" not in render_summary([plain], None)
