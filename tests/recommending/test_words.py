"""What is said of a recommendation: never against the letters of the comparison, and always what a reader needs."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.analysis.comparison import compare
from bench.analysis.quality import SPEED
from bench.experiment.budget import Budget
from bench.recommending.recommend import recommend
from bench.recommending.words import in_words
from bench.records.record import Memory
from tests.simulated import comparisons

GIB = 2**30


@pytest.mark.parametrize(
    ("budget", "words"),
    [
        ({}, "no bound"),
        ({"memory": 16.0 * GIB}, "memory at most 16 GiB; risk 5%"),
        (
            {"max_time": 7200.0, "samples": 5000, "risk": 0.1},
            "training on 5,000 rows at most 2 h 00 min; risk 10%",
        ),
        (
            {"max_time": 60.0, "min_accuracy": 0.85, "maximize": "time-to-accuracy"},
            "training at most 1 min 00 s until 85.0%, accuracy at least 85.0%; risk 5%",
        ),
    ],
)
def test_a_budget_in_words(budget, words):
    assert in_words(Budget(**budget), "accuracy") == words


@pytest.fixture
def three(make_record):
    """Four seeds of a large one, a small one that is as good, and a poor one; and one that never ran."""
    arms = [("full", 1.0, 20.0, 0.9), ("small", 0.5, 8.0, 0.9), ("poor", 0.2, 4.0, 0.7)]
    records = [
        make_record(
            name, seed=seed, step=step, memory=int(memory * GIB * (1 + seed / 1000)), accuracy=score, num_rows=2000
        )
        for seed in range(4)
        for name, step, memory, score in arms
    ]
    skipped = make_record("huge", status="skipped", reason="needs bf16")
    return compare([*records, skipped])


def test_the_choice_has_its_numbers_and_every_other_its_reason(three):
    found = recommend(three, Budget(memory=16.0 * GIB, min_accuracy=0.8))
    assert found.headline == (
        "Recommended: small, which alone is shown to fit (memory at most 16 GiB, accuracy at least 80.0%; risk 5%)."
    )
    said = "\n".join(found.sentences)
    assert re.search(
        r"small: 8.01 GiB \(7.9\d GiB to 8.0\d GiB\) of memory, .* of training, .* samples/s, [89]\d", said
    )
    assert re.search(r"full falls out \(measured\): 20 GiB .* of memory, 4.0\d GiB over 16 GiB\.", said)
    assert re.search(r"poor falls out \(measured\): .* accuracy, \d+\.\d points short of 80\.0%\.", said)
    assert "huge falls out (not measured): was skipped: needs bf16." in said


def test_the_runner_up_is_told_apart(three):
    found = recommend(three, Budget(maximize="throughput", min_accuracy=0.8))
    assert (found.strategy, found.runner_up) == ("small", "full")
    assert found.headline.startswith("Recommended: small, the fastest of the 2 that fit")
    assert any(one.startswith("The runner-up is full: small is 2.0") for one in found.sentences)


def test_a_card_is_named_with_what_it_leaves(make_record):
    record = make_record()
    measured = record.measured.model_copy(update={"memory": Memory(nvml_delta_bytes=15 * GIB)})
    spec = record.spec.model_copy(update={"device": "cuda:0"})
    found = recommend(
        compare([record.model_copy(update={"spec": spec, "measured": measured})]), Budget(memory=16.0 * GIB)
    )
    assert found.verdict == "not enough data"
    assert (
        "of memory against at most 15.2 GiB (what a card of 16 GiB leaves), which at least 3 seeds"
        in found.sentences[0]
    )


def test_where_none_fits_the_nearest_is_named(three):
    found = recommend(three, Budget(memory=3.0 * GIB))
    assert found.headline == "None of the 4 strategies fits (memory at most 3 GiB; risk 5%). The nearest is poor."
    found = recommend(three, Budget(memory=16.0 * GIB), "full")
    assert found.headline.startswith("full does not fit (memory at most 16 GiB; risk 5%). The nearest that does is ")
    assert any(one.startswith(f"{found.nearest}: ") for one in found.sentences), "with its numbers"


@pytest.fixture(scope="module")
def budgets():
    return st.builds(
        Budget,
        memory=st.sampled_from([None, 1.5 * GIB, 2.0 * GIB, 3.0 * GIB]),
        max_time=st.sampled_from([None, 6.0, 15.0, 40.0]),
        min_accuracy=st.sampled_from([None, 0.6, 0.7, 0.8]),
        maximize=st.sampled_from(["accuracy", "throughput"]),
        risk=st.sampled_from([0.05, 0.2]),
    )


@settings(max_examples=30)
@given(st.data())
def test_nobody_is_recommended_whom_the_comparison_says_another_that_fits_beats(make_record, budgets, data):
    comparison, budget = compare(data.draw(comparisons(make_record, most=8))), data.draw(budgets)
    found = recommend(comparison, budget)
    if comparison.form == "invalid":
        assert (found.verdict, found.headline) == ("not valid", comparison.headline)
        return
    fits = [one.strategy for one in found.judged if one.standing == "fits"]
    assert (found.strategy is None) == (not fits)
    standing = comparison.ranking.claims.standing
    metric = SPEED if budget.maximize == "throughput" else comparison.quality.metric
    if found.strategy:
        assert fits[:2] == [name for name in (found.strategy, found.runner_up) if name]
        beaten = all(any(standing(metric, other, name) == 1 for other in fits) for name in fits)
        assert beaten or not any(standing(metric, other, found.strategy) == 1 for other in fits)
        is_ahead = all(standing(metric, found.strategy, other) == 1 for other in fits[1:])
        assert (f", the {'fastest' if metric == SPEED else 'best in accuracy'} of" in found.headline) == (
            is_ahead and len(fits) > 1
        )
    elif any(one.standing == "open" for one in found.judged):
        assert found.headline.startswith("Not enough data: ")
    named = [
        one for one in found.judged if any(one.strategy in sentence for sentence in (*found.sentences, found.headline))
    ]
    assert len(named) == len(found.judged), "every strategy is accounted for"
    said = "\n".join(found.sentences)
    for one in re.finditer(
        r"(?P<who>\S+) is (?P<factor>[\d.,]+)\N{MULTIPLICATION SIGN} as fast as (?P<whom>[^\s,]+)", said
    ):
        side = standing(SPEED, one["who"], one["whom"])
        assert side == (1 if float(one["factor"].replace(",", "")) > 1 else -1), one[0]
