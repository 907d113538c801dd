import pytest

from bench.gate.judging.against import judge_baselines
from bench.gate.judging.margins import Margins
from bench.gate.judging.strategy import without
from tests.gate.baselines import TIMES, baseline, recorded, verdicts

REST = ("training_memory_bytes", "accuracy", "first_losses")


def test_the_same_again_passes_in_everything():
    judgement = judge_baselines(baseline(seed=1), baseline(seed=2), Margins())
    assert verdicts(judgement) == dict.fromkeys((*TIMES, *REST), "PASS")
    assert judgement.warnings == ()


@pytest.mark.parametrize(
    ("change", "red"),
    [
        ({"effect": 0.1}, set(TIMES)),
        ({"peak": 440 << 20}, {"training_memory_bytes"}),
        ({"accuracy": 0.8}, {"accuracy"}),
        ({"loss": 0.71}, {"first_losses"}),
    ],
)
def test_what_got_worse_is_red(change, red):
    judgement = judge_baselines(baseline(), baseline(**change), Margins())
    assert {metric for metric, word in verdicts(judgement).items() if word == "FAIL"} == red
    assert judgement.exit_code() == 1


def test_margins_are_those_of_the_file():
    margins = Margins(0.05, {"full": {"step_seconds_median": 0.3, "training_memory_bytes": 0.2}})
    judgement = judge_baselines(baseline(), baseline(effect=0.1, peak=440 << 20), margins)
    assert verdicts(judgement)["step_seconds_median"] == verdicts(judgement)["training_memory_bytes"] == "PASS"
    assert verdicts(judgement)["step_seconds_mean"] == "FAIL"


def test_times_of_another_machine_or_other_versions_are_not_judged_and_the_rest_is():
    head = baseline(fingerprint={"processor": "Example", "torch": "9.9"}, effect=1.0, peak=500 << 20)
    judgement = judge_baselines(baseline(), head, Margins())
    assert verdicts(judgement).keys() == set(REST)
    assert verdicts(judgement)["training_memory_bytes"] == "FAIL"
    assert judgement.warnings == ("Step times are not judged: torch is unknown in base and 9.9 in head.",)


def test_times_of_a_noisy_base_are_not_judged():
    judgement = judge_baselines(baseline(noise=0.05), baseline(), Margins())
    assert verdicts(judgement).keys() == set(REST)
    assert len(judgement.warnings) == 2
    assert all("single processes of base differ by" in warning for warning in judgement.warnings)


def test_a_head_that_became_less_steady_is_not_the_greener_for_it():
    judgement = judge_baselines(baseline(), baseline(noise=0.05, effect=1.0), Margins())
    assert [verdicts(judgement)[metric] for metric in TIMES] == ["INCONCLUSIVE", "INCONCLUSIVE"]
    assert judgement.exit_code(strict=True) == 3


def test_what_base_did_not_record_cannot_have_got_worse():
    failed = {"freeze": without("freeze", "head: its run diverged", has_diverged=True)}
    assert (
        verdicts(judge_baselines(baseline(), baseline(), Margins(), failed), "freeze")["first_losses"] == "NOT_MEASURED"
    )
    both = baseline({"full": recorded(), "freeze": recorded()})
    assert verdicts(judge_baselines(both, baseline(), Margins(), failed), "freeze")["first_losses"] == "FAIL"


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        (baseline({"freeze": recorded()}), "head did not record it"),
        (baseline(work={"steps": 30, "tiny": 1}), "not the same work: steps is 60 in base and 30 in head"),
        (baseline(digest="other"), "the rows are not those of base"),
        (
            baseline(fingerprint={"device": "Example GPU"}),
            "not the same device: device is None in base and Example GPU",
        ),
        (baseline({"full": recorded().model_copy(update={"pairs": recorded(40).pairs[30:]})}), "share no seeds"),
    ],
)
def test_what_cannot_be_compared_is_never_green(head, reason):
    judgement = judge_baselines(baseline(), head, Margins())
    assert set(verdicts(judgement).values()) == {"NOT_MEASURED"}
    assert all(reason in finding.reason for finding in judgement.findings if finding.benchmark == "full")
    assert judgement.exit_code() == 4


def test_fewer_pairs_than_base_suffice_for_what_does_not_depend_on_the_moment():
    judgement = judge_baselines(baseline(noise=0.05), baseline(num_pairs=4), Margins())
    assert verdicts(judgement) == dict.fromkeys(REST, "PASS")
