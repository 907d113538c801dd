import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.comparison import compare, relative
from bench.errors import UnknownName, UsageError
from bench.metrics import METRICS
from bench.record import Memory


def _ascii(text):
    return text.replace("\N{MULTIPLICATION SIGN}", "x").replace("\N{MINUS SIGN}", "-")


def _rows(comparison):
    return {row.strategy: row for row in comparison.rows}


def test_rows_keep_the_order_of_the_records_and_the_failed_ones(records):
    comparison = compare(records)
    statuses = {row.strategy: row.status for row in comparison.rows}
    assert statuses == {
        "full": "ok", "freeze": "ok", "freeze:last=2+amp": "ok", "llrd:decay=0.8": "ok", "full+wide": "oom",
    }  # fmt: skip
    wide = _rows(comparison)["full+wide"]
    assert wide.reason == "cannot allocate 512 MiB at step 0"
    assert wide.means["peak_memory_bytes"] == 7_900_000_000
    assert wide.means["accuracy"] is None
    assert wide.beats_majority is None
    assert wide.changes == {"weights": "fp32"}
    assert [flag.code for flag in _rows(comparison)["freeze:last=2+amp"].flags] == ["truncated-inputs"]
    assert len(comparison.records) == len(records)
    assert comparison.metrics[:3] == ("samples_per_second", "peak_memory_bytes", "accuracy")


def test_a_winner_is_named_with_its_interval(records):
    comparison = compare(records)
    assert comparison.winners == ("freeze:last=2+amp",)
    assert _ascii(comparison.headline) == (
        "freeze:last=2+amp is the fastest without a detected loss of accuracy: 3.32x as fast as full (3.28 to 3.35)."
    )
    sentences = [_ascii(sentence) for sentence in comparison.sentences]
    assert sentences[0].startswith("freeze is 2.86x as fast as full (2.82 to 2.89), uses 0.38x the memory")
    assert "accuracy -8.2 points" in sentences[0]
    assert "no difference in accuracy detected (+0.5 points" in sentences[1]
    assert sentences[2] == "llrd:decay=0.8 diverged for 1 of 3 seeds: the loss became NaN at step 7."
    assert sentences[3].startswith("llrd:decay=0.8 shows no difference in speed from full (0.99x")
    assert sentences[4] == "full+wide ran out of memory: cannot allocate 512 MiB at step 0."
    assert len(sentences) == 5


def test_one_seed_speaks_of_this_run_only(records):
    comparison = compare(record for record in records if record.spec.seed == 0)
    assert comparison.headline.endswith("this run only).")
    fast = _rows(comparison)["freeze:last=2+amp"]
    assert fast.relative["peak_memory_bytes"].bounds is None
    assert fast.relative["accuracy"].this_run_only
    assert "uses 0.46x the memory," in _ascii(comparison.sentences[1])


def test_the_ratio_of_one_seed_is_the_quotient_of_the_values_shown(make_record):
    full, fast = (row for row in compare([make_record("full"), make_record("fast", step=0.5)]).rows)
    for metric in ("samples_per_second", "train_seconds", "step_seconds_median"):
        assert fast.relative[metric].estimate == pytest.approx(fast.means[metric] / full.means[metric])
        assert fast.relative[metric].side(1) == (1 if metric == "samples_per_second" else -1)


def test_runs_of_different_length_have_a_ratio_without_bounds(make_record):
    rows = compare([make_record("full"), make_record("fast", step=0.5, num_steps=20)]).rows
    assert rows[1].relative["samples_per_second"].bounds is None


def test_the_reference_is_the_one_given_then_full_then_the_first_that_finished(make_record):
    lost = make_record("a", status="killed")
    done = [make_record("b"), make_record("full")]
    assert compare([lost, *done]).reference == "full"
    assert compare([lost, done[0], make_record("full", status="oom")]).reference == "b"
    assert compare([lost, *done], "a").reference == "a"
    with pytest.raises(UnknownName, match="Did you mean full"):
        compare(done, "ful")


@pytest.mark.parametrize(("change", "name"), [({"max_length": 64}, "max_length"), ({"model": "other"}, "model")])
def test_unequal_runs_are_refused(make_record, change, name):
    with pytest.raises(UsageError, match=f"differ in {name}"):
        compare([make_record("full"), make_record("freeze", workload=change)])


def test_which_of_several_gpus_it_was_does_not_matter(make_record):
    def on(device, record):
        return record.model_copy(update={"spec": record.spec.model_copy(update={"device": device})})

    compare([on("cuda:0", make_record("full")), on("cuda:1", make_record("freeze"))])
    with pytest.raises(UsageError, match=r"differ in device \(cuda, cpu\)"):
        compare([on("cuda", make_record("full")), make_record("freeze")])


def test_the_newest_of_equal_runs_counts(make_record):
    old, new = make_record("full", status="killed"), make_record("full")
    new = new.model_copy(update={"started_at": new.started_at.replace(year=2027)})
    for order in ([old, new], [new, old]):
        assert compare(order).rows[0].records == (new,)


def test_without_a_common_seed_nothing_is_compared(make_record):
    comparison = compare([make_record("full", seed=0), make_record("freeze", seed=1)])
    assert set(comparison.rows[1].relative.values()) == {None}
    assert comparison.sentences == ("freeze shares no seed with full.",)


def test_memory_that_is_not_above_zero_gives_no_ratio(make_record):
    def with_delta(record, delta):
        measured = record.measured.model_copy(update={"memory": Memory(nvml_delta_bytes=delta)})
        return record.model_copy(update={"measured": measured})

    rows = compare([with_delta(make_record("full"), 5), with_delta(make_record("freeze"), 0)]).rows
    assert rows[1].relative["peak_memory_bytes"] is None
    assert rows[1].means["peak_memory_bytes"] == 0


def _headline(make_record, *arms):
    """Compare arms given as name, step time and accuracy."""
    made = [make_record(name, step=step, accuracy=accuracy, **more) for name, step, accuracy, more in arms]
    return _ascii(compare(made).headline)


@pytest.mark.parametrize(
    ("arms", "said"),
    [
        ([], "No run was recorded."),
        (
            [("full", 1, 0.8, {"status": "oom"}), ("amp", 1, 0.8, {"status": "diverged"})],
            "No run finished: full ran out of memory and amp diverged.",
        ),
        ([("full", 1, 0.8, {})], "Only full finished, so there is nothing to compare it with."),
        ([("full", 1, 0.5, {}), ("amp", 0.5, 0.5, {})], "No winner: no strategy is shown to beat the majority class"),
        ([("full", 1, 0.6, {}), ("slow", 2, 0.9, {})], "slow is more accurate than full: +"),
        ([("full", 1, 0.95, {}), ("amp", 0.5, 0.7, {})], "x as fast as full, but loses accuracy: -"),
        ([("full", 1, 0.8, {}), ("amp", 0.5, 0.5, {})], "but is not shown to beat the majority class."),
        ([("full", 1, 0.8, {}), ("slow", 2, 0.8, {})], "full is the fastest, and no strategy is detectably more"),
        (
            [("full", 1, 0.8, {}), ("twin", 1, 0.8, {"status": "ok"})],
            "No difference detected in speed or accuracy between full and twin.",
        ),
        (
            [("full", 1, 0.8, {"num_steps": 6}), ("amp", 0.5, 0.8, {"num_steps": 6})],
            "Not enough data for a verdict",
        ),
        (
            [("full", 1, 0.8, {}), ("twin", 1, 0.8, {}), ("slow", 2, 0.8, {})],
            "No strategy is detectably faster or more accurate than full.",
        ),
        (
            [("full", 1, 0.8, {}), ("amp", 0.5, 0.8, {"num_rows": 255})],
            "its accuracy cannot be compared",
        ),
        (
            [("full", 1, 0.8, {}), ("a", 0.5, 0.8, {}), ("b", 0.5, 0.8, {})],
            "x as fast as full, with no difference in speed detected between them.",
        ),
    ],
)
def test_the_headline_has_a_form_for_every_outcome(make_record, arms, said):
    assert said in _headline(make_record, *arms)


def test_a_reference_that_failed_compares_with_nothing(make_record):
    records = [make_record("full", status="oom"), make_record("freeze"), make_record("amp")]
    comparison = compare(records, "full")
    assert comparison.headline == "Nothing can be compared: the reference full ran out of memory."
    assert comparison.winners == ()


arm = st.tuples(
    st.floats(0.2, 3), st.floats(0.4, 0.95), st.sampled_from(["ok", "ok", "ok", "oom"]), st.sampled_from([6, 32])
)


@settings(max_examples=60, deadline=None)
@given(arms=st.lists(arm, min_size=1, max_size=5), num_seeds=st.integers(1, 3))
def test_headline_and_table_never_disagree(make_record, arms, num_seeds):
    made = [
        make_record(f"s{index}", step=step, accuracy=accuracy, status=status, num_steps=num_steps, seed=seed)
        for seed in range(num_seeds)
        for index, (step, accuracy, status, num_steps) in enumerate(arms)
    ]
    comparison = compare(made)
    rows = _rows(comparison)
    assert (" the fastest without a detected loss of accuracy" in comparison.headline) == bool(comparison.winners)
    assert all(comparison.headline.count(name) for name in comparison.winners)
    for name in comparison.winners:
        assert rows[name].status == "ok"
        assert rows[name].relative["samples_per_second"].side(1) == 1
        assert rows[name].relative["accuracy"].side(0) != -1
        assert rows[name].beats_majority
    for one, other in itertools.combinations(comparison.winners, 2):
        if one == comparison.winners[0]:
            assert relative(rows[one], rows[other], "samples_per_second").side(1) != 1
    for row in comparison.rows:
        for metric, interval in row.relative.items():
            assert interval is None or METRICS[metric].compare != "none"
