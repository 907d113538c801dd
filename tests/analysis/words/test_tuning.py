"""The search of learning rates in words: cost, finds and edges, once per comparison, and who had none."""

import pytest

from bench.analysis.comparison import compare
from bench.analysis.strategy_result import make_result
from bench.analysis.words.tuning import on_tuning, untuned


def said(*records):
    results = (make_result(record.spec.name, (record,), is_reference=False) for record in records)
    return list(on_tuning(tuple(results)))


def test_nothing_is_said_where_nothing_was_searched_for(make_record):
    assert said(make_record("full"), make_record("amp")) == []


def test_cost_finds_and_edges_of_a_few(make_record, tuned):
    rates = {0.001: 0.6, 0.01: 0.7}
    assert said(
        tuned("full", 0.8, {**rates, 0.1: 0.9}),
        tuned("freeze", 0.8, {**rates, 0.1: 0.9}),
        tuned("lora", 0.9, {**rates, 0.1: 0.8}),
        make_record("amp"),
    ) == [
        (
            "Finding learning rates for full:lr=0.1, freeze:lr=0.1 and lora took 12 trials, 1 min 36 s (full:lr=0.1 32 s, "
            "freeze:lr=0.1 32 s and lora 32 s), beside 4 min 00 s of runs that were measured; none was searched for amp."
        ),
        (
            "Found, by accuracy on 1,000 validation rows: full:lr=0.1 90.0% against 80.0% at the default rates; freeze:lr=0.1 90.0% against "
            "80.0% at the default rates; none better than the default rates for lora. The gain of full:lr=0.1 and freeze:lr=0.1 is more than noise."
        ),
        "full:lr=0.1 and freeze:lr=0.1 have the highest rate that was tried, 0.1: a better one may lie beyond (--tune lr:trials=3:low=0.001:high=1).",
        "lora keeps its default rates, and the best of the grid is its highest, 0.1: a better one may lie beyond (--tune lr:trials=3:low=0.001:high=1).",
    ]


def test_of_several_that_keep_their_default_rates_the_edge_is_told_once(tuned):
    rising = {0.001: 0.4, 0.01: 0.5, 0.1: 0.594}
    assert said(
        tuned("sgd+freeze", 0.844, rising),
        tuned("sgd", 0.9, rising),
        tuned("full", 0.9, {0.001: 0.6, 0.01: 0.7, 0.1: 0.6}),
    )[2:] == [
        "sgd+freeze and sgd keep their default rates, and the best of the grid is its highest, 0.1: a better one may lie beyond (--tune lr:trials=3:low=0.001:high=1)."
    ]


def test_a_gain_within_the_noise_is_not_claimed(tuned):
    _, found = said(tuned("full", 0.8, {0.001: 0.6, 0.01: 0.81, 0.1: 0.5}, num_rows=64))
    assert found.endswith(
        "full:lr=0.01 81.0% against 80.0% at the default rates. No gain is shown to be more than noise."
    )
    (_, none) = said(tuned("full", 0.8, {0.001: 0.6, 0.01: 0.71, 0.1: 0.5}))
    assert none == "None that was tried is better than the default rates, by accuracy on 1,000 validation rows."
    _, diverged = said(tuned("full", None, {0.001: 0.6, 0.01: 0.81, 0.1: 0.5}))
    assert "full:lr=0.01 81.0%, and at the default rates it diverged" in diverged
    _, other = said(tuned("full", 0.8, {0.001: 0.6, 0.01: 0.81, 0.1: 0.5}, metric="macro_f1"))
    assert (
        other == "Found, by macro F1 on 1,000 validation rows: full:lr=0.01 81.0% against 80.0% at the default rates."
    )


def test_many_strategies_are_told_in_brief(tuned):
    scores = {0.001: 0.6, 0.01: 0.82, 0.1: 0.5}
    cost, found = said(*(tuned(f"s{index}", 0.7 + index / 200, scores) for index in range(40)))
    assert (
        "for s0:lr=0.01, s1:lr=0.01, s2:lr=0.01 and 37 others took 160 trials, 21 min 20 s (from 32 s for s0:lr=0.01"
        in cost
    )
    assert found == (
        "Rates other than the default are best for 24 of 40 strategies, by accuracy on 1,000 validation rows; most of all for "
        "s0:lr=0.01: 82.0% against 70.0% at the default rates. The gain of s0:lr=0.01, s1:lr=0.01, s2:lr=0.01 and 8 others is more than noise."
    )
    assert len(cost + found) < 700


def test_a_comparison_says_it_once_in_its_sentences(tuned):
    comparison = compare([tuned("full", 0.8, {0.01: 0.9}), tuned("freeze", 0.8, {0.01: 0.9})])
    assert [one.about for one in comparison.said].count("tuning") == len(list(on_tuning(comparison.results))) == 3


@pytest.fixture
def results(make_record, tuned):
    runs = [make_record("full"), make_record("amp"), tuned("freeze", 0.8, {0.1: 0.9}), tuned("lora", 0.9, {0.1: 0.8})]
    return compare(runs).results


def test_a_strategy_whose_rate_was_searched_for_is_not_called_untuned(results):
    _, _, freeze, lora = results
    assert untuned([freeze]) == untuned([freeze, lora]) == ""


def test_of_several_those_are_named_that_were_not_tuned(results):
    full, amp, freeze, _ = results
    assert untuned([full]) == " Its learning rate was not tuned: one was tried, the default of 2e-5."
    assert untuned([full, amp]) == " Their learning rates were not tuned: one was tried for each."
    assert untuned([full, freeze]) == " The learning rate of full was not tuned: one was tried."
    assert untuned([full, amp, freeze]) == " The learning rates of full and amp were not tuned: one was tried for each."


def test_a_tuned_strategy_that_loses_is_not_told_to_want_another_rate(make_record, tuned):
    runs = [make_record("full", accuracy=0.95), tuned("freeze", 0.8, {0.01: 0.9}, step=0.3, accuracy=0.6)]
    comparison = compare(runs)
    assert "accuracy \N{MINUS SIGN}" in " ".join(comparison.sentences)
    assert "not tuned" not in comparison.headline + " ".join(comparison.sentences)
