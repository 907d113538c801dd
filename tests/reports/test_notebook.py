from __future__ import annotations

from typing import TYPE_CHECKING

from bench.analysis.comparison import compare
from reports.notebook import comparison_html

if TYPE_CHECKING:
    from bench.records.record import RunRecord


def test_the_headline_stands_above_a_row_for_every_strategy(records: tuple[RunRecord, ...]) -> None:
    comparison = compare(records)
    page = comparison_html(comparison, title="a & b")
    assert "<h4>a &amp; b</h4>" in page
    assert page.index(comparison.headline) < page.index("<table")
    assert "full (reference)" in page
    assert "full+wide (ran out of memory)" in page
