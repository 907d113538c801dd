import json

import pytest

from bench.analysis.comparison import compare
from bench.errors import UnknownName
from bench.records.record import Flag, RunRecord


def _ascii(text):
    return text.replace("\N{MULTIPLICATION SIGN}", "x").replace("\N{MINUS SIGN}", "-")


SETTLED = [
    "Telling llrd:decay=0.8 from full in speed, if they differ as observed, takes about 9 seeds (--seeds 9).",
    (
        "No sensible number of seeds can tell freeze:last=2+amp and llrd:decay=0.8 from full in accuracy, if they differ "
        "as observed."
    ),
    "Telling freeze from full in accuracy, if they differ as observed, takes about 5 seeds (--seeds 5).",
]


def _rows(comparison):
    return {result.strategy: result for result in comparison.results}


def test_rows_keep_the_order_of_the_records_and_the_failed_ones(records):
    comparison = compare(records)
    statuses = {result.strategy: result.status for result in comparison.results}
    assert statuses == {
        "full": "ok", "freeze": "ok", "freeze:last=2+amp": "ok", "llrd:decay=0.8": "ok", "full+wide": "oom",
    }  # fmt: skip
    wide = _rows(comparison)["full+wide"]
    assert wide.reason == "cannot allocate 512 MiB at step 0"
    assert wide.means["training_memory_bytes"] == 7_900_000_000
    assert wide.means["accuracy"] is None
    assert wide.beats_majority is None
    assert wide.changes == {"weights": "fp32"}
    assert [flag.code for flag in _rows(comparison)["freeze:last=2+amp"].flags] == ["truncated-inputs"]
    assert len(comparison.records) == len(records)
    assert comparison.metrics[:3] == ("samples_per_second", "training_memory_bytes", "accuracy")


def test_a_winner_is_named_with_its_interval(records):
    comparison = compare(records)
    assert comparison.winners == ("freeze:last=2+amp",)
    assert _ascii(comparison.headline) == (
        "freeze:last=2+amp is the fastest without a detected loss of accuracy: 3.32x as fast as full (3.28 to 3.35), "
        "uses 0.46x the memory, accuracy tied (+0.5 points, -4.8 to +5.9)."
    )
    sentences = [_ascii(sentence) for sentence in comparison.sentences]
    assert sentences[0].startswith("freeze is 2.86x as fast as full (2.82 to 2.89), uses 0.38x the memory")
    assert sentences[0].endswith(
        "looks lower in accuracy (-8.2 points, -14.9 to -1.5; not certain after correcting for 6 comparisons). Its learning "
        "rate was not tuned: one was tried, the default of 1e-3."
    )
    assert not any("3.32x" in sentence for sentence in sentences), "said twice"
    assert sentences[1] == "llrd:decay=0.8 diverged for 1 of 3 seeds: the loss became NaN at step 7."
    assert sentences[2].startswith("llrd:decay=0.8 is tied with full in speed (0.99x")
    assert sentences[2].endswith("; compared over the common seeds 0 and 1.")
    assert sentences[3] == "full+wide ran out of memory: cannot allocate 512 MiB at step 0."
    assert sentences[4:] == SETTLED


def test_one_seed_speaks_of_this_run_only(records):
    comparison = compare(record for record in records if record.spec.seed == 0)
    assert comparison.headline.endswith("this run only).")
    fast = _rows(comparison)["freeze:last=2+amp"]
    assert fast.relative["training_memory_bytes"].bounds is None
    assert fast.relative["accuracy"].this_run_only
    assert "used 0.46x the memory (no interval)," in _ascii(comparison.headline)
    assert comparison.ranking.letters["training_memory_bytes"] == {}


def test_runs_of_different_length_have_a_ratio_without_bounds(make_record):
    records = [make_record("full"), make_record("fast", step=0.5, num_steps=20)]
    results = compare(records, allow_mismatch=True).results
    assert results[1].relative["samples_per_second"].bounds is None


def test_the_reference_is_the_one_given_then_full_then_the_first_that_finished(make_record):
    lost = make_record("a", status="killed")
    done = [make_record("b"), make_record("full")]
    assert compare([lost, *done]).reference == "full"
    assert compare([lost, done[0], make_record("full", status="oom")]).reference == "b"
    assert compare([lost, *done], "a").reference == "a"
    with pytest.raises(UnknownName, match="Did you mean full"):
        compare(done, "ful")


def test_which_of_several_gpus_it_was_does_not_matter(make_record):
    def on(device, record):
        return record.model_copy(update={"spec": record.spec.model_copy(update={"device": device})})

    assert compare([on("cuda:0", make_record("full")), on("cuda:1", make_record("freeze"))]).mismatches == ()
    (found,) = compare([on("cuda", make_record("full")), make_record("freeze")]).mismatches
    assert (found.field, found.values) == ("device", {"full": "cuda", "freeze": "cpu"})


def test_the_newest_of_equal_runs_counts(make_record):
    old, new = make_record("full", status="killed"), make_record("full")
    new = new.model_copy(update={"started_at": new.started_at.replace(year=2027)})
    for order in ([old, new], [new, old]):
        assert compare(order).results[0].records == (new,)


def test_of_equal_runs_one_that_is_timed_counts_before_a_newer_one_that_shared_its_machine(make_record):
    timed = make_record("full")
    later = timed.started_at.replace(year=2027)
    shared = _flagged(timed, "shared-host").model_copy(update={"started_at": later})
    failed = make_record("full", status="oom").model_copy(update={"started_at": later})
    for older, newer, counts in ((timed, shared, timed), (timed, failed, failed), (shared, timed, timed)):
        for order in ([older, newer], [newer, older]):
            assert compare(order).results[0].records == (counts,)


def test_without_a_common_seed_nothing_is_compared(make_record):
    comparison = compare([make_record("full", seed=0), make_record("freeze", seed=1)])
    assert set(comparison.results[1].relative.values()) == {None}
    assert comparison.sentences == ("freeze shares no seed with full.",)


def _flagged(record, *codes):
    return record.model_copy(update={"flags": tuple(Flag(code=code, message=f"{code} was seen") for code in codes)})


def test_a_suspect_row_is_shown_but_not_ranked_unless_asked(make_record):
    records = [make_record("full"), _flagged(make_record("amp", step=0.5), "throttled"), make_record("llrd", step=0.7)]
    comparison = compare(records)
    assert comparison.winners == ("llrd",)
    assert comparison.ranking.names == ("full", "llrd")
    amp = _rows(comparison)["amp"]
    assert amp.is_suspect
    assert amp.relative["samples_per_second"].side(1) == 1
    assert "amp is shown but not ranked (throttled: throttled was seen)." in comparison.sentences
    assert all("amp" not in letters for letters in comparison.ranking.letters.values())
    assert compare(records, rank_suspect=True).winners == ("amp",)


def test_a_run_that_went_on_is_ranked_by_its_score_and_by_nothing_else(make_record):
    records = [make_record("full"), _flagged(make_record("amp", step=0.5, accuracy=0.2), "resumed-within")]
    for rank_suspect in (False, True):
        comparison = compare(records, rank_suspect=rank_suspect)
        amp = _rows(comparison)["amp"]
        assert not amp.is_suspect
        assert comparison.ranking.names == ("full", "amp")
        assert amp.means["accuracy"] == pytest.approx(0.2, abs=0.02)
        assert amp.means["samples_per_second"] is None
        assert amp.means["training_memory_bytes"] is None
        claims = comparison.ranking.claims
        assert claims.standing("accuracy", "amp", "full") == -1
        assert claims.standing("samples_per_second", "amp", "full") is None
        first, second, *_ = comparison.sentences
        assert first == "amp went on from a checkpoint with seed 0: no times and memory of that."
        assert "accuracy" in second


def test_runs_beside_others_on_one_machine_are_told_apart_by_their_score_alone(make_record):
    records = [
        _flagged(make_record(name, seed=seed, step=step, accuracy=accuracy, num_rows=2000), "shared-host")
        for seed in range(3)
        for name, step, accuracy in (("full", 1.0, 0.8), ("amp", 0.1, 0.8), ("freeze", 0.1, 0.6))
    ]
    comparison = compare(records)
    assert comparison.ranking.names == ("full", "amp", "freeze")
    for metric in ("samples_per_second", "training_memory_bytes"):
        assert all(_rows(comparison)[name].means[metric] is None for name in comparison.ranking.names)
        assert comparison.ranking.claims.standing(metric, "amp", "full") is None
    assert comparison.ranking.claims.standing("accuracy", "freeze", "full") == -1
    assert comparison.winners == ()
    assert "no times by which to compare amp and freeze with full" in comparison.headline
    assert "amp ran beside others on one machine with seeds 0, 1 and 2: no times and memory of that." in (
        comparison.sentences
    )


def test_a_doubt_about_times_does_not_bar_a_run_that_has_none_from_the_ranking_of_scores(make_record):
    def ranked(*codes):
        return compare([make_record("full"), _flagged(make_record("amp"), *codes)]).ranking.names

    assert ranked("resumed-within", "unsteady-steps", "sampler-gap") == ("full", "amp")
    assert ranked("unsteady-steps") == ("full",)
    assert ranked("resumed-within", "other-start") == ("full",)


def test_seeds_that_did_not_go_on_are_compared_in_speed(make_record):
    amps = [make_record("amp", step=0.5, seed=seed) for seed in range(3)]
    amps[1] = _flagged(amps[1], "resumed-within")
    comparison = compare([*(make_record("full", seed=seed) for seed in range(3)), *amps])
    amp = _rows(comparison)["amp"]
    assert set(amp.samples["samples_per_second"]) == {0, 2}
    assert set(amp.samples["accuracy"]) == {0, 1, 2}
    assert amp.relative["samples_per_second"].side(1) == 1


def test_a_note_is_only_said(make_record):
    assert compare([make_record("full"), _flagged(make_record("amp", step=0.5), "few-steps")]).winners == ("amp",)


def test_a_flag_that_a_later_version_wrote_may_be_a_doubt_and_is_not_ranked(make_record):
    content = json.loads(_flagged(make_record("amp", step=0.5), "few-steps").to_json())
    content["flags"][0]["code"] = "of-the-future"
    records = [make_record("full"), RunRecord.from_json(json.dumps(content)), make_record("llrd", step=0.7)]
    assert compare(records).winners == ("llrd",)
    assert "amp is shown but not ranked (of-the-future: few-steps was seen)." in compare(records).sentences
    assert compare(records, rank_suspect=True).winners == ("amp",)


def test_a_suspect_reference_makes_the_comparison_invalid(make_record):
    records = [_flagged(make_record("full"), "swap"), make_record("amp", step=0.5)]
    comparison = compare(records)
    assert (comparison.form, comparison.winners) == ("invalid", ())
    assert comparison.headline == (
        "Comparison not valid: the reference full is suspect (swap); measure again, or rank it all the same (--rank-suspect)."
    )
    assert compare(records, rank_suspect=True).form == "winner"


def test_only_suspect_rivals_leave_nothing_to_compare_with(make_record):
    comparison = compare([make_record("full"), _flagged(make_record("amp"), "swap")])
    assert comparison.headline == "Only full can be ranked (amp suspect), so there is nothing to compare it with."


@pytest.mark.parametrize("change", [{"max_length": 64}, {"model": "other"}])
def test_unequal_runs_are_not_compared_unless_asked(make_record, change):
    records = [make_record("full"), make_record("amp", step=0.5, workload=change)]
    comparison = compare(records)
    (name,) = change
    assert (comparison.form, comparison.reference, comparison.ranking.names) == ("invalid", None, ())
    assert f"differ in more than the strategy: {name} (" in comparison.headline
    assert all(interval is None for result in comparison.results for interval in result.relative.values())
    assert [found.field for found in comparison.mismatches] == [name]
    allowed = compare(records, allow_mismatch=True)
    assert allowed.winners == ("amp",)
    assert name in allowed.warnings[0]


def test_other_runs_of_the_same_strategy_and_seed_are_not_passed_over(make_record):
    records = [make_record("full", workload={"max_length": 64}), make_record("full"), make_record("amp")]
    (found,) = compare(records).mismatches
    assert found.values == {"full": "64 and 256", "amp": "256"}
