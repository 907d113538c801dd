"""Which runs are compared with each other."""

from bench.analysis.grouping import split


def test_what_was_asked_for_at_another_rate_is_a_comparison_of_its_own(with_rates):
    comparisons = split(with_rates)
    assert [comparison.form for comparison in comparisons] != ["invalid"] * 3
    assert [len(comparison.records) for comparison in comparisons] == [4, 4, 4]
