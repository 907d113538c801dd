"""What a search of learning rates allows to be claimed."""

import pytest

from bench.analysis.comparison import compare
from bench.analysis.tuning import edges, found_rates, gaining, grid_edges, wider
from bench.experiment.tuning import RateSearch


def found(*records):
    return found_rates(compare(records).results)


def test_a_gain_is_claimed_where_the_rows_suffice(tuned):
    def gains(num_rows, **more):
        return [
            one.strategy for one in gaining(found(tuned("a", 0.8, {0.01: 0.85, 0.1: 0.5}, num_rows=num_rows, **more)))
        ]

    assert gains(2000) == ["a:lr=0.01"]
    assert gains(100) == []
    assert gains(2000, metric="macro_f1") == []


@pytest.mark.parametrize(("num_rates", "num_shown"), [(1, 1), (2, 0), (5, 0)])
def test_few_rows_claim_too_little_rather_than_too_much(tuned, num_rates, num_shown):
    scores = {0.001 * (rate + 1): 0.6 for rate in range(num_rates - 1)} | {0.01: 1.0}
    # By Fisher's exact test p is 0.033; a normal approximation says 0.0098, which five rates would not make noise.
    assert len(gaining(found(tuned("a", 0.5, scores, num_rows=10)))) == num_shown


def test_the_more_rates_were_tried_the_larger_a_gain_must_be(tuned):
    alone = found(tuned("a", 0.8, {0.01: 0.85}, num_rows=600))
    among = found(
        tuned("a", 0.8, {0.01: 0.85}, num_rows=600),
        *(tuned(f"b{index}", 0.8, {10.0**-rate: 0.7 for rate in range(1, 6)}, num_rows=600) for index in range(4)),
    )
    assert [one.strategy for one in gaining(alone)] == ["a:lr=0.01"]
    assert gaining(among) == ()


def test_the_largest_gain_comes_first(tuned):
    ones = found(tuned("a", 0.7, {0.01: 0.8}), tuned("b", 0.5, {0.01: 0.8}), tuned("c", 0.8, {0.01: 0.7}))
    assert [(one.strategy, round(one.gain or 0, 2)) for one in gaining(ones)] == [
        ("b:lr=0.01", 0.3),
        ("a:lr=0.01", 0.1),
    ]
    assert ones[2].gain == 0


def test_where_the_default_rates_diverged_there_is_no_number_of_the_gain(tuned):
    (one,) = found(tuned("a", None, {0.01: 0.8}))
    assert one.gain is None
    assert gaining([one]) == ()


def test_a_strategy_without_a_search_is_left_out(make_record, tuned):
    ones = found(make_record("full"), tuned("a", 0.7, {0.01: 0.8}, short={0.01: 0.6, 0.1: 0.5}))
    assert [(one.strategy, one.num_rates) for one in ones] == [("a:lr=0.01", 2)]
    assert ones[0].chosen.quality == 0.8


@pytest.mark.parametrize(
    ("scores", "edge", "option"),
    [
        ({0.001: 0.7, 0.01: 0.8, 0.1: 0.9}, ("highest", 0.1), "--tune lr:trials=3:low=0.001:high=1"),
        ({0.00001: 0.9, 0.01: 0.8, 0.1: 0.7}, ("lowest", 0.00001), "--tune lr:trials=3:low=1e-06"),
        (dict.fromkeys(RateSearch().rates, 0.7) | {0.1: 0.9}, ("highest", 0.1), "--tune lr:high=1"),
        (
            dict.fromkeys(RateSearch(trials=8, low=0.02).rates, 0.7) | {0.1: 0.9},
            ("highest", 0.1),
            "--tune lr:low=0.02:high=1",
        ),
    ],
)
def test_the_best_rate_at_an_edge_asks_for_a_wider_search(tuned, scores, edge, option):
    inside = tuned("in", 0.5, {0.001: 0.7, 0.01: 0.8, 0.1: 0.7})
    grouped = edges(found(tuned("a", 0.5, scores), tuned("b", 0.5, scores), inside, tuned("kept", 0.99, scores)))
    assert {key: len(ones) for key, ones in grouped.items()} == {edge: 2}
    assert wider(edge[0], grouped[edge][0].tuning) == option


@pytest.mark.parametrize(
    ("scores", "best", "edge"),
    [
        ({0.001: 0.4, 0.01: 0.5, 0.1: 0.594}, 0.1, "highest"),
        ({0.001: 0.6, 0.01: 0.5, 0.1: None}, 0.001, "lowest"),
        ({0.001: 0.4, 0.01: 0.6, 0.1: 0.5}, 0.01, None),
        ({0.001: None, 0.01: None, 0.1: None}, None, None),
    ],
)
def test_a_default_that_is_kept_says_where_the_best_of_the_grid_is(tuned, scores, best, edge):
    (one,) = ones = found(tuned("sgd", 0.844, scores, short={0.0001: 0.9} if edge == "highest" else None))
    assert one.best_of_grid == best
    assert grid_edges(ones) == ({(edge, best): ones} if edge else {})
    assert edges(ones) == {}


def test_of_a_rate_that_was_chosen_the_grid_says_nothing_more(tuned):
    assert grid_edges(found(tuned("sgd", 0.5, {0.01: 0.7, 0.1: 0.9}))) == {}


def test_between_equal_scores_of_the_grid_the_lower_loss_is_the_better(tuned):
    record = tuned("sgd", 0.9, {0.001: 0.6, 0.01: 0.6, 0.1: 0.6})
    losses = {0.001: 0.9, 0.01: 0.7, 0.1: None}
    trials = tuple(trial.model_copy(update={"loss": losses.get(trial.lr, 0.1)}) for trial in record.tuning.trials)
    (one,) = found(record.model_copy(update={"tuning": record.tuning.model_copy(update={"trials": trials})}))
    assert one.best_of_grid == 0.01
