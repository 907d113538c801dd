"""Charts of the records that every test of reports knows."""

import pytest

from bench.analysis.comparison import compare
from reports.charts.figures import charts


@pytest.fixture(scope="module")
def drawn(records):
    return {chart.name: chart for chart in charts(compare(records))}


@pytest.fixture(scope="module")
def hostile(hostile_records, evil):
    return charts(compare(hostile_records, evil[0]))
