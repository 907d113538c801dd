"""The words of the headline, and that nothing in a comparison contradicts anything else in it."""

import itertools
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.analysis.claims import no_change
from bench.analysis.comparison import compare
from bench.records.metrics import METRICS
from tests.simulated import comparisons


def _ascii(text):
    return text.replace("\N{MULTIPLICATION SIGN}", "x").replace("\N{MINUS SIGN}", "-")


def _compared(make_record, *arms, num_seeds=1, **options):
    """Compare arms given as name, step time, accuracy and what else their records say."""
    return compare(
        [
            make_record(name, step=step, accuracy=accuracy, seed=seed, **more)
            for seed in range(num_seeds)
            for name, step, accuracy, more in arms
        ],
        **options,
    )


WINNERS = {
    "the fastest, with all that is known of it": (
        [("full", 1, 0.8, {}), ("amp", 0.5, 0.81, {})],
        (
            "amp is the fastest without a detected loss of accuracy: 1.99x as fast as full (1.97 to 2.03, this run only), "
            "used 1.00x the memory (no interval), accuracy tied (-4.7 points, -12.1 to +2.8, this run only)."
        ),
    ),
    "several that are alike": (
        [("full", 1, 0.8, {}), ("a", 0.5, 0.8, {}), ("b", 0.5, 0.8, {})],
        (
            "a and b are the fastest without a detected loss of accuracy: 1.99x and 1.99x as fast as full, with no "
            "difference in speed detected between them."
        ),
    ),
    "the more accurate": (
        [("full", 1, 0.6, {}), ("slow", 2, 0.9, {})],
        (
            "slow is best in accuracy: +27.7 points against full, at 0.50x the speed. Their learning rates were not "
            "tuned: one was tried for each."
        ),
    ),
    "the reference, which is the fastest": (
        [("full", 1, 0.8, {}), ("slow", 2, 0.8, {})],
        "full is the fastest, and no strategy is detectably more accurate.",
    ),
    "the reference, which is as fast and more accurate": (
        [("full", 1, 0.9, {}), ("twin", 1, 0.7, {})],
        "full is ahead, and no strategy is detectably more accurate.",
    ),
    "the reference, because speed costs accuracy": (
        [("full", 1, 0.95, {}), ("amp", 0.5, 0.7, {})],
        (
            "No strategy is faster than full without a detected loss of accuracy: amp is 1.98x as fast as full, but loses "
            "accuracy: -22.3 points (-28.6 to -16.2, this run only). Its learning rate was not tuned: one was tried, the "
            "default of 2e-5."
        ),
    ),
    "the reference, because the other is at chance": (
        [("full", 1, 0.8, {}), ("amp", 0.5, 0.5, {})],
        (
            "No strategy is faster than full without a detected loss of accuracy: amp is 2.00x as fast as full, but is "
            "not shown to beat the majority class."
        ),
    ),
}


@pytest.mark.parametrize(("arms", "said"), WINNERS.values(), ids=WINNERS)
def test_somebody_is_ahead(make_record, arms, said):
    comparison = _compared(make_record, *arms)
    assert (comparison.form, _ascii(comparison.headline)) == ("winner", said)


def test_a_loss_that_all_pairs_together_leave_open_is_not_passed_over(records, make_record):
    slow = [make_record("slow", step=2, seed=seed) for seed in range(3)]
    comparison = compare([*(record for record in records if record.spec.name in {"full", "freeze"}), *slow])
    assert _ascii(comparison.headline) == (
        "Not enough data to prefer another to full: freeze is 2.86x as fast as full, but looks lower in accuracy (-8.2 "
        "points, -14.9 to -1.5; not certain after correcting for 3 comparisons). Its learning rate was not tuned: one was "
        "tried, the default of 1e-3."
    )
    assert "looks lower in accuracy (" in comparison.sentences[0]
    assert comparison.winners == ()


def test_many_winners_are_not_all_named(make_record):
    arms = [("full", 1, 0.8, {}), *((f"s{index}", 0.5, 0.8, {}) for index in range(9))]
    comparison = _compared(make_record, *arms)
    assert len(comparison.winners) == 9
    assert _ascii(comparison.headline).startswith(
        "s0, s1, s2 and 6 others are the fastest without a detected loss of accuracy: 1.99x to 1.99x as fast"
    )


def test_one_that_could_not_be_compared_is_named_beside_the_winner(make_record):
    records = [make_record("full"), make_record("amp", step=0.5), make_record("late", step=0.2, seed=1)]
    assert compare(records).headline.endswith("(late could not be compared).")


def test_a_tie_names_who_needs_less_memory(make_record):
    records = [
        make_record(name, step=step, seed=seed, num_rows=900, memory=int(memory * (1 + seed / 1000)))
        for seed in range(5)
        for name, step, memory in (("full", 1, 4 << 30), ("amp", 1.0001, 2 << 30))
    ]
    assert _ascii(compare(records).headline).endswith(" amp uses less memory than full (0.50x).")


UNDECIDED = {
    "nothing was run": ([], "No run was recorded."),
    "nothing finished": (
        [("full", 1, 0.8, {"status": "oom"}), ("amp", 1, 0.8, {"status": "diverged"})],
        "No run finished: full ran out of memory and amp diverged.",
    ),
    "one strategy": ([("full", 1, 0.8, {})], "Only full finished, so there is nothing to compare it with."),
    "no better than chance": (
        [("full", 1, 0.45, {}), ("amp", 0.5, 0.45, {})],
        "Not enough data: no strategy is shown to beat the majority class (52.0%). Train longer (--epochs 2).",
    ),
    "perhaps better than chance": (
        [("full", 1, 0.57, {}), ("amp", 0.5, 0.4, {})],
        (
            "Not enough data: no strategy is shown to beat the majority class (52.0%). Evaluate on more rows "
            "(--eval-samples 1100)."
        ),
    ),
    "a reference that is at chance and ahead": (
        [("full", 1, 0.54, {}), ("slow", 2, 0.61, {})],
        "Not enough data: full is not shown to beat the majority class (52.0%). Train longer (--epochs 2).",
    ),
    "too few steps": (
        [("full", 1, 0.8, {"num_steps": 6}), ("amp", 0.5, 0.8, {"num_steps": 6})],
        (
            "Not enough data: too few steps and common seeds to bound the speed of amp against full. At least 3 seeds "
            "would (--seeds 3)."
        ),
    ),
    "too few rows": (
        [("full", 1, 0.8, {"num_rows": 60}), ("amp", 1.0001, 0.8001, {"num_rows": 60})],
        (
            "Not enough data: no difference detected in speed or accuracy between full and amp, but this run could only "
            "have detected 3.0% in speed and 22.9 points in accuracy (power 80%)."
        ),
    ),
}


@pytest.mark.parametrize(("arms", "said"), UNDECIDED.values(), ids=UNDECIDED)
def test_there_is_not_enough_data(make_record, arms, said):
    comparison = _compared(make_record, *arms)
    assert (comparison.form, _ascii(comparison.headline)) == ("undecided", said)


def test_what_would_decide_is_said_below_the_headline(make_record):
    (arms, _) = UNDECIDED["too few rows"]
    assert (
        "Detecting 10.0 points in accuracy takes about 320 evaluation rows (--eval-samples 320)."
        in _compared(make_record, *arms).sentences
    )


def test_those_that_are_faster_and_lose_are_named_where_others_are_open(make_record):
    more = {"num_rows": 900}
    arms = [("full", 1, 0.8, more), ("amp", 1.0001, 0.8001, more), ("freeze", 0.3, 0.6, more)]
    comparison = _compared(make_record, *arms, num_seeds=5)
    assert "freeze is faster, but loses accuracy (" in comparison.headline
    assert "Its learning rate was not tuned" in comparison.headline.partition("freeze is faster")[2]


def test_a_reference_that_failed_makes_the_comparison_invalid(make_record):
    records = [make_record("full", status="oom"), make_record("freeze"), make_record("amp")]
    comparison = compare(records, "full")
    assert comparison.headline == "Comparison not valid: the reference full ran out of memory."
    assert (comparison.form, comparison.winners) == ("invalid", ())


def test_runs_that_do_not_match_make_the_comparison_invalid(make_record):
    comparison = _compared(make_record, ("full", 1, 0.8, {}), ("amp", 0.5, 0.8, {"workload": {"max_length": 64}}))
    assert comparison.form == "invalid"
    assert comparison.headline == (
        "Comparison not valid: these runs differ in more than the strategy: max_length (256 for full; 64 for amp). "
        "Keep each set in a directory of its own, or compare them all the same (--allow-mismatch)."
    )


@settings(max_examples=100)
@given(st.data())
def test_headline_winners_letters_and_table_agree(make_record, data):
    comparison = compare(data.draw(comparisons(make_record)))
    _check_form(comparison)
    _check_claims(comparison)
    _check_winners(comparison)
    _check_frontier(comparison.ranking)
    _check_sentences(comparison)


def _check_form(comparison):
    """The headline has the form it claims to have, and names whom it calls ahead."""
    assert (comparison.form == "winner") == bool(comparison.winners) == bool(comparison.conclusion.distinction)
    beginnings = {"tie": "No difference detected", "invalid": "Comparison not valid", "undecided": "N|Only"}
    assert re.match(beginnings.get(comparison.form, ""), comparison.headline)
    assert all(name in comparison.headline for name in comparison.winners[:3])
    able = {result.strategy for result in comparison.results if result.finished and not result.is_suspect}
    assert set(comparison.ranking.names) == able


def _check_claims(comparison):
    """A claim is the same from both sides, letters repeat it, and the interval of the table stands behind it."""
    ranking, results = comparison.ranking, {result.strategy: result for result in comparison.results}
    for metric, (one, other) in itertools.product(ranking.quality.headlines, itertools.permutations(ranking.names, 2)):
        claim, letters = ranking.claims.about(metric, one, other), ranking.letters[metric]
        if claim is None:
            assert ranking.claims.about(metric, other, one) is None
            continue
        back = ranking.claims.about(metric, other, one)
        assert (back.standing, back.tentative) == (-claim.standing, -claim.tentative)
        assert not (claim.standing and claim.tentative)
        assert bool(set(letters[one]) & set(letters[other])) == (not claim.standing)
        if other == comparison.reference:
            side = results[one].relative[metric].side(no_change(metric))
            assert (claim.leaning, claim.interval) == (
                side if METRICS[metric].better == "higher" else -side,
                results[one].relative[metric],
            )


def _check_winners(comparison):
    """A winner has learnt, and is detected to be better than everybody who is not named with it."""
    ranking, results = comparison.ranking, {result.strategy: result for result in comparison.results}
    speed, _, quality = ranking.quality.headlines
    for name, other in itertools.product(comparison.winners, ranking.names):
        assert results[name].beats_majority
        standings = {ranking.claims.standing(metric, name, other) for metric in (speed, quality)}
        if other in comparison.winners:
            assert ranking.claims.standing(speed, name, other) in {0, None} or "best" in comparison.headline
        else:
            assert 1 in standings, (name, other)
    if comparison.form == "tie":
        assert all(ranking.claims.standing(speed, name, comparison.reference) != 1 or not keeps(results[name], quality) for name in ranking.names)  # fmt: skip


def keeps(result, quality):
    interval = result.relative[quality]
    return bool(result.beats_majority) and interval is not None and interval.side(0) != -1


def _check_frontier(ranking):
    """What is dominated is beaten in something by another that is worse in nothing."""
    for name, others in ranking.dominated.items():
        for other in others:
            standings = [ranking.claims.standing(metric, other, name) for metric in ranking.quality.headlines]
            assert 1 in standings
            assert -1 not in standings
    assert set(ranking.frontier) == {name for name in ranking.names if not ranking.dominated[name]}


def _check_sentences(comparison):
    """Of how one stands, something speaks; a loss is followed by what is known of its learning rate."""
    ranking, base = comparison.ranking, comparison.reference
    for name in ranking.names if base in ranking.names else ():
        told = [said for said in comparison.sentences if re.match(rf"{re.escape(name)} (is|ran|looks|shares) ", said)]
        assert told or name in {base, comparison.conclusion.spelled_out}
    for said in (comparison.headline, *comparison.sentences):
        assert "narrowly" not in said
        if re.search(r"loses accuracy|, accuracy \N{MINUS SIGN}|looks lower in accuracy", said):
            assert "not tuned" in said, said


def test_equal_records_make_equal_words(records):
    one, other = compare(records), compare(list(records))
    assert (one.headline, one.sentences) == (other.headline, other.sentences)
