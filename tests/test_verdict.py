"""The words of the headline, and that nothing in a comparison contradicts anything else in it."""

import itertools
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.analysis.quality import ACCURACY
from bench.comparison import compare
from bench.metrics import METRICS
from bench.ranking import no_change


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
            "uses 1.00x the memory, accuracy tied (-4.7 points, -12.1 to +2.8, this run only)."
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
        "slow is more accurate than full: +27.7 points at 0.50x the speed.",
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
            "accuracy: -22.3 points."
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
        "No strategy is faster than full without a detected loss of accuracy: freeze is 2.86x as fast as full, but "
        "seems to lose accuracy: -8.2 points."
    )
    assert "accuracy narrowly tied" in comparison.sentences[0]


def test_many_winners_are_not_all_named(make_record):
    arms = [("full", 1, 0.8, {}), *((f"s{index}", 0.5, 0.8, {}) for index in range(9))]
    comparison = _compared(make_record, *arms)
    assert len(comparison.winners) == 9
    assert _ascii(comparison.headline).startswith(
        "s0, s1, s2, s3, s4 and 4 others are the fastest without a detected loss of accuracy: 1.99x to 1.99x as fast"
    )


def test_one_that_could_not_be_compared_is_named_beside_the_winner(make_record):
    records = [make_record("full"), make_record("amp", step=0.5), make_record("late", step=0.2, seed=1)]
    assert compare(records).headline.endswith("(late could not be compared).")


def test_a_tie_says_what_could_have_been_detected(make_record):
    arms = [("full", 1, 0.8, {"num_rows": 900}), ("amp", 1.0001, 0.8001, {"num_rows": 900})]
    comparison = _compared(make_record, *arms, num_seeds=5)
    assert comparison.form == "tie"
    assert comparison.winners == ()
    assert _ascii(comparison.headline) == (
        "No difference detected in speed or accuracy between full and amp; this run could have detected 0.9% in speed "
        "and 3.4 points in accuracy (power 80%)."
    )


def test_a_tie_names_who_needs_less_memory(make_record):
    records = [
        make_record(name, step=step, seed=seed, num_rows=900, memory=int(memory * (1 + seed / 1000)))
        for seed in range(5)
        for name, step, memory in (("full", 1, 4 << 30), ("amp", 1.0001, 2 << 30))
    ]
    assert _ascii(compare(records).headline).endswith(" Less memory than by full is used by amp (0.50x).")


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
        "Not enough data: full is not shown to beat the majority class (52.0%). Evaluate on more rows (--eval-samples 37000).",
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
            "have detected 3.0% in speed and 22.9 points in accuracy (power 80%). Detecting 10.0 points in accuracy takes "
            "about 320 evaluation rows (--eval-samples 320)."
        ),
    ),
}


@pytest.mark.parametrize(("arms", "said"), UNDECIDED.values(), ids=UNDECIDED)
def test_there_is_not_enough_data(make_record, arms, said):
    comparison = _compared(make_record, *arms)
    assert (comparison.form, _ascii(comparison.headline)) == ("undecided", said)


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


arm = st.tuples(
    st.sampled_from([0.5, 0.98, 1.0, 1.02, 2.0]) | st.floats(0.2, 3),
    st.sampled_from([0.5, 0.7, 0.8]) | st.floats(0.4, 0.95),
    st.sampled_from(["ok", "ok", "ok", "ok", "oom"]),
    st.booleans(),
)


@settings(max_examples=150)
@given(
    arms=st.lists(arm, min_size=1, max_size=5),
    num_steps=st.sampled_from([6, 32]),
    num_seeds=st.integers(1, 3),
    lost=st.sets(st.tuples(st.integers(0, 4), st.integers(0, 2)), max_size=3),
)
def test_headline_winners_letters_and_table_agree(make_record, arms, num_steps, num_seeds, lost):
    made = [
        make_record(
            f"s{index}", step=step, accuracy=accuracy, status=status, num_steps=num_steps, seed=seed, num_rows=300,
            memory=int((1 + index // 2) * (1 + seed / 500) * 2**30),
            flags=({"code": "throttled", "message": "hot"},) if suspect and index else (),
        )
        for seed in range(num_seeds)
        for index, (step, accuracy, status, suspect) in enumerate(arms)
        if (index, seed) not in lost
    ]  # fmt: skip
    comparison = compare(made)
    _check_form(comparison)
    _check_claims(comparison)
    _check_winners(comparison)
    _check_frontier(comparison.ranking)
    _check_sentences(comparison)


def _check_form(comparison):
    """The headline has the form it claims to have, and names whom it calls ahead."""
    assert (comparison.form == "winner") == bool(comparison.winners)
    beginnings = {"tie": "No difference detected", "invalid": "Comparison not valid", "undecided": "N|Only"}
    assert re.match(beginnings.get(comparison.form, ""), comparison.headline)
    assert all(name in comparison.headline for name in comparison.winners)
    able = {row.strategy for row in comparison.rows if row.finished and not row.is_suspect}
    assert set(comparison.ranking.names) == able


def _check_claims(comparison):
    """Letters say what is claimed, and every claim has the interval of the table behind it."""
    ranking, rows = comparison.ranking, {row.strategy: row for row in comparison.rows}
    for metric, (one, other) in itertools.product(ACCURACY.headlines, itertools.permutations(ranking.names, 2)):
        standing, letters = ranking.standing(metric, one, other), ranking.letters[metric]
        assert ranking.standing(metric, other, one) == (None if standing is None else -standing)
        if letters:
            assert bool(set(letters[one]) & set(letters[other])) == (not standing)
        if other == comparison.reference and standing:
            side = rows[one].relative[metric].side(no_change(metric))
            assert side == (standing if METRICS[metric].better == "higher" else -standing)


def _check_winners(comparison):
    """A winner is able, is better than the reference in what it is called ahead in, and nobody like it is better."""
    ranking, rows = comparison.ranking, {row.strategy: row for row in comparison.rows}
    metric = "accuracy" if "more accurate than" in comparison.headline else "samples_per_second"
    for name in comparison.winners:
        assert name in ranking.names
        assert rows[name].beats_majority
        assert name == comparison.reference or ranking.standing(metric, name, comparison.reference) == 1
        assert " are the fastest" not in comparison.headline or rows[name].relative["accuracy"].side(0) != -1
    assert not any(ranking.standing(metric, *two) for two in itertools.combinations(comparison.winners, 2))
    if comparison.form == "tie":
        faster = [
            name for name in ranking.names if ranking.standing("samples_per_second", name, comparison.reference) == 1
        ]
        assert all(rows[name].relative["accuracy"].side(0) == -1 or not rows[name].beats_majority for name in faster)


def _check_frontier(ranking):
    """What is dominated is beaten in something by another that is worse in nothing."""
    for name, others in ranking.dominated.items():
        for other in others:
            standings = [ranking.standing(metric, other, name) for metric in ACCURACY.headlines]
            assert 1 in standings
            assert -1 not in standings
    assert set(ranking.frontier) == {name for name in ranking.names if not ranking.dominated[name]}


def _check_sentences(comparison):
    """A sentence calls tied what is not claimed to differ, and nothing else; of how one stands, something speaks."""
    ranking, base = comparison.ranking, comparison.reference
    for name in ranking.names if base in ranking.names else ():
        told = [said for said in comparison.sentences if re.match(rf"{name} (is|ran|shares) ", said)]
        assert told or name in {base, comparison.verdict.spelled_out}
        for said in told:
            if re.match(rf"{name} (is|ran) ", said):
                assert (f"tied with {base} in speed" in said) == (
                    ranking.standing("samples_per_second", name, base) == 0
                )


def test_equal_records_make_equal_words(records):
    one, other = compare(records), compare(list(records))
    assert (one.headline, one.sentences) == (other.headline, other.sentences)
