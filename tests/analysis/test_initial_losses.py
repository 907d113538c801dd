"""Runs of one seed that do not begin with one loss are not ranked."""

from __future__ import annotations

import pytest

from bench.analysis.comparison import compare


@pytest.fixture
def begun(make_record):
    """Make a record whose loss before training is given."""

    def make(strategy, loss, **more):
        record = make_record(strategy, **more)
        return record.model_copy(update={"measured": record.measured.model_copy(update={"initial_loss": loss})})

    return make


def doubted(records, **more):
    return {
        result.strategy: [flag.code for flag in result.doubts]
        for result in compare(records, **more).results
        if result.doubts
    }


def test_runs_that_begin_alike_are_ranked_each_seed_for_itself(begun, make_record):
    records = [begun(name, 0.7 + seed, seed=seed) for name in ("full", "freeze", "amp") for seed in (0, 1)]
    assert doubted(records) == {}
    assert doubted([*records, make_record("old")]) == {}  # a record from before the loss was measured
    assert doubted([begun("full", 0.7), begun("amp", 0.7 + 9e-6)]) == {}


def test_the_one_that_begins_elsewhere_is_suspect_even_if_it_is_the_reference(begun):
    strategies = {"full": 0.7, "freeze": 0.7, "amp": 0.7}
    for odd in strategies:
        records = [begun(name, loss + (name == odd) * 1e-4) for name, loss in strategies.items()]
        assert doubted(records) == {odd: ["other-start"]}
    comparison = compare([*records[:2], begun("amp", 0.7001, seed=0)])
    (result,) = [result for result in comparison.results if result.doubts]
    assert "its loss on the first batch was 0.7001, that of the others 0.7" in result.doubts[0].message
    assert result.strategy not in comparison.ranking.names
    assert result.strategy in compare(records, rank_suspect=True).ranking.names


def test_of_two_the_reference_is_believed(begun):
    records = [begun("freeze", 0.71), begun("full", 0.7)]
    assert doubted(records) == {"freeze": ["other-start"]}
    assert doubted(records, reference="freeze") == {"full": ["other-start"]}


def test_one_seed_of_several_is_enough(begun):
    records = [begun(name, 0.7, seed=seed) for name in ("full", "freeze") for seed in (0, 1)]
    records[-1] = begun("freeze", 0.8, seed=1)
    assert doubted(records) == {"freeze": ["other-start"]}


def test_runs_on_other_weights_are_not_compared(make_record):
    def on(strategy, digest):
        record = make_record(strategy)
        return record.model_copy(update={"measured": record.measured.model_copy(update={"model_digest": digest})})

    one, other = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
    assert compare([on("full", one), on("freeze", one), on("amp", None)]).form != "invalid"
    comparison = compare([on("full", one), on("freeze", other)])
    assert comparison.form == "invalid"
    assert "weights of the model (sha256:aaaaaaaaaaaa for full; sha256:bbbbbbbbbbbb for freeze)" in comparison.headline


def test_runs_of_one_strategy_whose_code_was_edited_are_not_compared(make_record):
    def by(strategy, code, seed=0):
        record = make_record(strategy, seed=seed)
        return record.model_copy(update={"measured": record.measured.model_copy(update={"strategy_code": code})})

    name = "./mine.py:Topmost"
    one, other = ({name: f"sha256:{letter * 64}"} for letter in "ab")
    assert compare([by("full", {}), by(name, one), by(name, one, seed=1), by("amp", None)]).form != "invalid"
    comparison = compare([by("full", {}), by(name, one), by(name, other, seed=1)])
    assert comparison.form == "invalid"
    assert f"code of {name} (sha256:aaaaaaaaaaaa and sha256:bbbbbbbbbbbb for {name})" in comparison.headline
