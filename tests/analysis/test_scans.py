"""Figures over a setting that varies: learning rates and maximal lengths."""

import pytest

from bench.analysis.comparison import compare
from bench.analysis.grouping import split
from bench.analysis.provenance import titles
from bench.analysis.scans import by_length, by_rate
from bench.experiment.spec import parse_strategy
from reports import write_report
from reports.charts.drawing import to_svg
from reports.charts.length_scan import length_scan
from reports.charts.rate_scan import rate_scan
from reports.charts.theme import NARROW, WIDE, styles_of

RATES = (1e-5, 1e-4, 1e-3)


def _asked(record, text="full", **changes):
    return record.model_copy(
        update={"spec": record.spec.model_copy(update={"strategy": parse_strategy(text)} | changes)}
    )


def _like(comparison, **changes):
    return compare(_asked(record, record.spec.name, **changes) for record in comparison.records)


@pytest.fixture(scope="module")
def with_rates(make_record):
    """Two strategies, each at three rates of the whole run, as three finished comparisons."""
    return [
        [
            _asked(make_record(name, seed=seed, accuracy=accuracy, lrs=(rate,) * 14), name, lr=rate)
            for seed in range(2)
            for name, accuracy in (("full", best), ("amp", 0.7))
        ]
        for rate, best in zip(RATES, (0.6, 0.9, 0.55), strict=True)
    ]


@pytest.fixture(scope="module")
def with_lengths(make_record):
    return [
        [
            make_record(name, step=length / 64, memory=length << 22, workload={"max_length": length})
            for name in ("full", "freeze")
        ]
        for length in (256, 64, 128)
    ]


def _chart(make, comparisons):
    return make(comparisons, styles_of(result.strategy for comparison in comparisons for result in comparison.results))


def test_titles_tell_apart_what_differs_and_nothing_else(make_record, with_rates):
    assert titles([compare([make_record()])]) == ("smollm2-135m on rotten-tomatoes",)
    assert titles(split(with_rates))[0] == "smollm2-135m on rotten-tomatoes, lr 1e-5"
    elsewhere = make_record().environment.model_copy(update={"device_name": "other"})
    machines = split([[make_record()], [make_record(environment=elsewhere, workload={"max_length": 64})]])
    assert titles(machines) == (
        "smollm2-135m on rotten-tomatoes, max length 256, Example CPU @ 2.50GHz",
        "smollm2-135m on rotten-tomatoes, max length 64, other",
    )
    assert titles([compare([]), compare([make_record()])])[0] == "no runs"


def test_what_was_asked_for_at_another_rate_is_a_comparison_of_its_own(with_rates):
    comparisons = split(with_rates)
    assert [comparison.form for comparison in comparisons] != ["invalid"] * 3
    assert [len(comparison.records) for comparison in comparisons] == [4, 4, 4]


def test_accuracy_stands_over_the_rates_of_the_runs(with_rates):
    comparisons = split(with_rates)
    assert [(scan.name, [point.value for point in scan.points]) for scan in by_rate(comparisons)] == [
        ("full", list(RATES)), ("amp", list(RATES)),
    ]  # fmt: skip
    chart = _chart(rate_scan, comparisons)
    best, worst = (comparisons[place].results[0].means["accuracy"] for place in (1, 2))
    assert chart.title == f"The learning rate decides: at 1e-4 full reaches {best:.1%}, at 1e-3 {worst:.1%}"
    assert f"at 1e-4 {best:.1%}" in chart.alternative
    level = _chart(rate_scan, [comparisons[0], _like(comparisons[0], lr=1e-4)])
    assert (
        level.title
        == f"No rate stands out: full reaches {comparisons[0].results[0].means['accuracy']:.1%} at every one"
    )
    assert [line[:2] for line in chart.table[1:4]] == [("full", "1e-5"), ("full", "1e-4"), ("full", "1e-3")]
    assert not chart.missing


def test_an_option_that_is_a_rate_is_told_from_one_that_is_not(make_record):
    runs = [
        *(
            _asked(make_record(name, accuracy=0.8 + 10 * rate, lrs=(*(1e-5,) * 13, rate)), name)
            for rate in (1e-4, 1e-3)
            for name in (f"discriminative:body=1e-5:head={rate}+amp",)
        ),
        *(
            _asked(make_record(name, lrs=(*(None,) * (13 - last), *(1e-3,) * (last + 1))), name)
            for last in (1, 2)
            for name in (f"freeze:last={last}",)
        ),
    ]
    (scan,) = by_rate([compare(runs)])
    assert scan.name == "discriminative:body=1e-5:head=*+amp"
    assert [point.value for point in scan.points] == [1e-4, 1e-3]
    chart = _chart(rate_scan, [compare(runs)])
    assert chart.title.startswith("No rate stands out: at 1e-")
    svg = to_svg(chart, WIDE)
    assert 'class="of-0"' in svg
    assert 'class="of-1 seed"' in svg


def test_time_and_memory_stand_over_the_length(with_lengths):
    comparisons = split(with_lengths)
    assert [(scan.name, [point.value for point in scan.points]) for scan in by_length(comparisons)] == [
        ("full", [64, 128, 256]), ("freeze", [64, 128, 256]),
    ]  # fmt: skip
    chart = _chart(length_scan, comparisons)
    title = "From 64 to 256 tokens, full takes 4.0"
    assert chart.title.startswith(title)
    assert chart.title.endswith(
        "\N{MULTIPLICATION SIGN} the time per sample and 4.00\N{MULTIPLICATION SIGN} the memory"
    )
    assert chart.table[1][:2] == ("full", "64 tokens")
    assert "full: at 64 tokens" in chart.alternative
    for width in (WIDE, NARROW):
        svg = to_svg(chart, width)
        assert 'class="of-1 seed"' in svg
        assert "time per sample" in svg
        assert "training memory" in svg


def test_memory_that_was_not_measured_leaves_the_time(with_lengths):
    bare = [
        [
            record.model_copy(
                update={
                    "measured": record.measured.model_copy(update={"memory": type(record.measured.memory)()}),
                }
            )
            for record in runs
        ]
        for runs in with_lengths
    ]
    chart = _chart(length_scan, split(bare))
    assert chart.title.endswith("\N{MULTIPLICATION SIGN} the time per sample")
    assert chart.table[1][3] == "\N{EN DASH}"
    assert "time per sample" in to_svg(chart, WIDE)
    assert "training memory" not in to_svg(chart, WIDE)


def test_without_such_runs_there_are_no_such_figures(records, make_record):
    unlike = compare([make_record("full"), make_record("freeze", workload={"max_length": 64})])
    for comparisons in ([compare(records)], [unlike, compare(records)]):
        assert _chart(rate_scan, comparisons).missing == "no strategy was run at several learning rates"
        assert _chart(length_scan, comparisons).missing == "no strategy was run at several maximal lengths"


def test_lines_of_several_models_are_named_apart(make_record):
    runs = [
        [make_record(workload={"model": model, "max_length": length})]
        for model in ("one", "other")
        for length in (64, 128)
    ]
    assert [scan.name for scan in by_length(split(runs))] == ["full, model one", "full, model other"]


def test_the_figures_stand_in_every_output(with_lengths, tmp_path):
    page = write_report(split(with_lengths), tmp_path).read_text()
    assert (tmp_path / "length_scan.png").exists()
    assert not (tmp_path / "rate_sensitivity.png").exists()
    assert "Over a setting that varies" in page
    assert "left out: no strategy was run at several learning rates" not in page
    assert "<h2>smollm2-135m on rotten-tomatoes, max length 128</h2>" in page
    assert "| strategy | maximal length |" in (tmp_path / "summary.md").read_text()
    write_report(split(with_lengths), tmp_path, figures_url="https://a.example")
    assert "(https://a.example/length_scan.png)" in (tmp_path / "summary.md").read_text()
    write_report(split(with_lengths[:1]), tmp_path)
    assert not (tmp_path / "length_scan.png").exists()
    assert "Over a setting that varies" not in (tmp_path / "report.html").read_text()
