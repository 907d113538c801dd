import pytest

from bench.analysis.checks import make_checks
from bench.analysis.comparison import compare
from bench.records.readings import HostActivity
from bench.records.record import Flag


def _states(records, **options):
    return {check.asked: (check.state, check.found) for check in make_checks(compare(records, **options))}


def _with(record, **measured):
    return record.model_copy(update={"measured": record.measured.model_copy(update=measured)})


def test_a_check_that_was_not_made_is_not_one_that_passed(make_record):
    states = _states([make_record()])
    assert states["Only the strategy differs"][0] == "pass"
    assert states["Nothing else on the machine"][0] == "not checked"
    assert states["No throttling"][0] == "not checked"
    assert states["Learning rates"][0] == "not checked"
    quiet = HostActivity(seconds=30, steal_share=0.0, others_share=0.01)
    assert _states([_with(make_record(), host=quiet)])["Nothing else on the machine"][0] == "pass"


def test_seeds_are_counted_over_finished_runs(make_record):
    bad = make_record(seed=2, status="diverged")
    two = [make_record(seed=seed) for seed in range(2)]
    assert _states([*two, bad])["At least 3 seeds"] == (
        "warn", "2 seeds finished: how runs vary is not known well (--seeds 3)",
    )  # fmt: skip
    assert _states([*two, make_record(seed=2)])["At least 3 seeds"][0] == "pass"
    assert _states([*two, bad])["All runs finished"] == ("warn", "full diverged")


@pytest.mark.parametrize(
    ("code", "asked"),
    [
        ("unsteady-steps", "Steady steps"),
        ("foreign-process", "Nothing else on the machine"),
        ("throttled", "No throttling"),
        ("sampler-gap", "Memory peaks seen"),
        ("bf16-emulated", "Precision as asked for"),
    ],
)
def test_a_flag_is_a_check_not_passed(make_record, code, asked):
    flagged = make_record(flags=(Flag(code=code, message="m"),))
    assert _states([flagged])[asked] == ("warn", f"full ({code})")


def test_what_differs_or_is_skipped_or_changed_twice_is_warned_of(make_record):
    unlike = [make_record("full"), make_record("amp", workload={"max_length": 64})]
    assert _states(unlike)["Only the strategy differs"] == ("warn", "max_length differs too")
    other = _with(make_record("amp"), data_digest="00" * 32)
    assert _states([make_record(), other])["Same data, same order"][0] == "warn"
    skipped = _with(make_record(), num_skipped_steps=3)
    assert _states([skipped])["No skipped steps"] == ("warn", "3 optimizer steps were skipped after an overflow")
    told = make_record("freeze", changes={"freeze": "what it says of itself", "phases": "only score trains"})
    assert _states([make_record(), told])["One change per strategy"][0] == "pass"
    both = make_record("freeze+amp", changes={"phases": "only score trains", "precision": "amp"})
    assert _states([make_record(), both])["One change per strategy"][0] == "warn"
    for_all = [
        make_record(name, changes=changes | {"lr": "5e-3"})
        for name, changes in {"full": {}, "freeze": {"phases": "only score trains"}}.items()
    ]
    assert _states(for_all)["One change per strategy"][0] == "pass", "what all share sets none apart"
    assert compare(for_all).own_changes(compare(for_all).results[1]) == {"phases": "only score trains"}
    assert _states([_with(make_record(), num_warmup_steps=0)])["Warm-up left out of steady rates"][0] == "warn"
    assert _states([make_record(accuracy=0.4)])["Better than the majority class"] == ("warn", "not shown for full")
    unknown = make_record().model_copy(update={"environment": None})
    assert _states([unknown])["Only the strategy differs"][0] == "not checked"


def test_where_nothing_finished_nothing_was_checked(make_record):
    states = _states([make_record(status="oom")])
    assert {state for asked, (state, _) in states.items() if asked not in {
        "One change per strategy", "All runs finished", "At least 3 seeds",
    }} == {"not checked"}  # fmt: skip
    assert make_checks(compare([])) == ()
