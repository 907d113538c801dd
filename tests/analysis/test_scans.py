"""Strategies that were run at several values of a setting."""

from bench.analysis.grouping import split
from bench.analysis.scans import by_length, by_rate, extremes, told_apart, with_quality
from bench.experiment.spec import parse_strategy


def test_lines_of_several_models_are_named_apart(make_record):
    runs = [
        [make_record(workload={"model": model, "max_length": length})]
        for model in ("one", "other")
        for length in (64, 128)
    ]
    assert [scan.name for scan in by_length(split(runs))] == ["full, model one", "full, model other"]


def test_strategies_at_several_rates_and_lengths_are_found(with_rates, with_lengths):
    found = by_rate(split(with_rates))
    assert [(scan.name, [point.value for point in scan.points]) for scan in found] == [
        ("full", [1e-5, 1e-4, 1e-3]), ("amp", [1e-5, 1e-4, 1e-3]),
    ]  # fmt: skip
    assert [(scan.name, [point.value for point in scan.points]) for scan in by_length(split(with_lengths))] == [
        ("full", [64, 128, 256]), ("freeze", [64, 128, 256]),
    ]  # fmt: skip


def test_a_rate_that_a_composition_says_itself_stands_for_that_of_the_run(make_record):
    runs = []
    for rate in ("1e-5", "1e-4"):
        record = make_record(lrs=(*(None,) * 13, float(rate)))
        spec = record.spec.model_copy(update={"strategy": parse_strategy(f"full:lr={rate}"), "lr": 0.5})
        runs.append([record.model_copy(update={"spec": spec})])
    assert [(scan.name, [point.value for point in scan.points]) for scan in by_rate(split(runs))] == [
        ("full:lr=*", [1e-5, 1e-4])
    ]


def test_the_line_that_moves_most_is_told_apart_only_beyond_its_intervals(with_rates):
    comparisons = split(with_rates)
    name, worst, best = extremes(with_quality(by_rate(comparisons)))
    assert (name, worst.value, best.value) == ("full", 1e-3, 1e-4)
    assert told_apart(worst, best, comparisons)
    assert not told_apart(worst, worst, comparisons)
