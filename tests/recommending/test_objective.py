import pytest

from bench.analysis.comparison import compare
from bench.experiment.budget import Budget
from bench.recommending.objective import objective_of


def chosen(make_record, arms, seeds=4, **budget):
    """What is chosen of strategies, each with its step time, memory in GiB and accuracy."""
    records = [
        make_record(
            name,
            seed=seed,
            step=step * (1 + 0.002 * seed),
            memory=int(memory * 2**30 * (1 + 0.001 * seed)),
            accuracy=accuracy,
            num_rows=2000,
        )
        for seed in range(seeds)
        for name, (step, memory, accuracy) in arms.items()
    ]
    comparison = compare(records)
    fitting = list(comparison.results)
    return objective_of(fitting, comparison.ranking, Budget(**budget)).choose(fitting).strategy


def test_the_best_is_chosen_in_what_is_maximized(make_record):
    arms = {"full": (1.0, 4, 0.9), "fast": (0.2, 2, 0.7)}
    assert chosen(make_record, arms) == "full"
    assert chosen(make_record, arms, maximize="throughput") == "fast"


@pytest.mark.parametrize("maximize", ["accuracy", "throughput"])
def test_of_two_that_are_tied_the_one_that_costs_less_is_chosen(make_record, maximize):
    same = {"full": (1.0, 4, 0.8), "lean": (1.0, 1, 0.8)}
    assert chosen(make_record, same, maximize=maximize) == "lean"


def test_one_that_looks_worse_is_not_preferred_for_costing_less(make_record):
    """Three seeds do not make the loss certain after correction, and the interval of the pair shows it."""
    arms = {"full": (1.0, 4, 0.85), "cheap": (0.5, 1, 0.78), **{f"other{number}": (1.0, 4, 0.8) for number in range(9)}}
    assert chosen(make_record, arms, seeds=3) != "cheap"


def test_the_quickest_to_an_accuracy_is_chosen(make_record):
    arms = {"full": (1.0, 4, 0.9), "fast": (0.2, 2, 0.8)}
    assert chosen(make_record, arms, maximize="time-to-accuracy", min_accuracy=0.6) == "fast"
