"""Which runs are compared with each other."""

from bench.analysis.grouping import split


def test_what_was_asked_for_at_another_rate_is_a_comparison_of_its_own(with_rates):
    comparisons = split(with_rates)
    assert [comparison.form for comparison in comparisons] != ["invalid"] * 3
    assert [len(comparison.records) for comparison in comparisons] == [4, 4, 4]


def test_strategies_at_micro_batches_of_their_own_are_one_comparison_and_one_at_several_is_not(make_record, asked):
    def run(name, seed, rows):
        return asked(make_record(name, seed=seed), name, micro_batch_size=rows)

    first, second = ([run("full", seed, None), run("lora", seed, 4)] for seed in (0, 1))
    (together,) = split([first, second])
    assert together.form != "invalid"
    assert [len(result.records) for result in together.results] == [2, 2]
    smaller = [run("full", 0, 2), run("lora", 0, 2)]
    apart = split([first, smaller, second, [run("amp", 0, 8)]])
    assert [len(comparison.records) for comparison in apart] == [5, 2]
