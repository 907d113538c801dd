"""Quality over the learning rate."""

from bench.analysis.comparison import compare
from bench.analysis.grouping import split
from bench.analysis.scans import by_rate
from reports.charts.drawing import to_svg
from reports.charts.rate_scan import rate_scan
from reports.charts.theme import WIDE
from tests.reports.reading import over_setting


def _like(comparison, asked, **changes):
    return compare(asked(record, record.spec.name, **changes) for record in comparison.records)


def test_accuracy_stands_over_the_rates_of_the_runs(with_rates, asked):
    comparisons = split(with_rates)
    chart = over_setting(rate_scan, comparisons)
    best, worst = (comparisons[place].results[0].means["accuracy"] for place in (1, 2))
    assert chart.title == f"The learning rate decides: at 1e-4 full reaches {best:.1%}, at 1e-3 {worst:.1%}"
    assert f"at 1e-4 {best:.1%}" in chart.alternative
    level = over_setting(rate_scan, [comparisons[0], _like(comparisons[0], asked, lr=1e-4)])
    assert (
        level.title
        == f"No rate stands out: full reaches {comparisons[0].results[0].means['accuracy']:.1%} at every one"
    )
    assert [line[:2] for line in chart.table[1:4]] == [("full", "1e-5"), ("full", "1e-4"), ("full", "1e-3")]
    assert not chart.missing


def test_an_option_that_is_a_rate_is_told_from_one_that_is_not(make_record, asked):
    runs = [
        *(
            asked(make_record(name, accuracy=0.8 + 10 * rate, lrs=(*(1e-5,) * 13, rate)), name)
            for rate in (1e-4, 1e-3)
            for name in (f"discriminative:body=1e-5:head={rate}+amp",)
        ),
        *(
            asked(make_record(name, lrs=(*(None,) * (13 - last), *(1e-3,) * (last + 1))), name)
            for last in (1, 2)
            for name in (f"freeze:last={last}",)
        ),
    ]
    (scan,) = by_rate([compare(runs)])
    assert scan.name == "discriminative:body=1e-5:head=*+amp"
    assert [point.value for point in scan.points] == [1e-4, 1e-3]
    chart = over_setting(rate_scan, [compare(runs)])
    assert chart.title.startswith("No rate stands out: at 1e-")
    svg = to_svg(chart, WIDE)
    assert 'class="of-0"' in svg
    assert 'class="of-1 seed"' in svg
