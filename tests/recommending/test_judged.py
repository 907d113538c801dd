import pytest

from bench.analysis.comparison import compare
from bench.experiment.budget import Budget
from bench.recommending.judged import judge
from bench.records.forecast import Forecast, ForecastMemory

GIB = 2**30


def judged(records, rank_suspect=False, **budget):
    comparison = compare(records, rank_suspect=rank_suspect)
    return judge(comparison.results[-1], comparison, Budget(**budget))


@pytest.mark.parametrize(
    ("status", "standing", "basis"),
    [
        ("oom", "out", "measured"),
        ("diverged", "out", "measured"),
        ("failed", "out", "measured"),
        ("killed", "out", "measured"),
        ("timeout", "out", "measured"),
        ("skipped", "out", "not measured"),
        ("interrupted", "open", "not measured"),
    ],
)
def test_a_strategy_that_did_not_finish_does_not_fit(make_record, status, standing, basis):
    one = judged([make_record(), make_record("other", status=status, reason="so it is")])
    assert (one.standing, one.basis) == (standing, basis)
    assert one.obstacle.endswith("so it is")


def test_one_seed_that_failed_is_enough(make_record):
    records = [make_record("a", seed=0), make_record("a", seed=1, status="diverged", reason="NaN at step 3.")]
    assert judged(records).obstacle == "diverged for 1 of 2 seeds: NaN at step 3"
    records[1] = make_record("a", seed=1, status="interrupted")
    assert judged(records).standing == "fits", "whoever stopped it, it was not the strategy"


def test_a_machine_that_was_smaller_than_the_budget_proves_nothing(make_record):
    failed = make_record("a", status="oom", reason="no memory")  # on a machine of 8 GiB
    assert judged([make_record(), failed], memory=8 * GIB).standing == "out"
    assert judged([make_record(), failed], memory=16 * GIB).standing == "open"
    late = make_record("a", status="timeout", reason="late")  # after 80 s
    assert judged([make_record(), late], max_time=60.0).standing == "out"
    assert judged([make_record(), late], max_time=600.0).standing == "open"


@pytest.mark.parametrize(
    ("overhead", "memory", "standing"),
    [
        ((0, 1), 2.0, "out"),
        ((0, 1), 3.5, "open"),  # it may
        ((0, 1), 8.0, "open"),  # nothing but a run shows that it does
        ((0, 1), None, "out"),  # it was skipped for want of memory, and no other memory is spoken of
    ],
)
def test_a_strategy_that_was_never_run_is_judged_by_its_forecast(make_record, overhead, memory, standing):
    sizes = {"weights_bytes": GIB, "gradients_bytes": GIB, "optimizer_bytes": GIB}
    forecast = Forecast(
        device="a card",
        num_params=1,
        num_trainable_params=1,
        memory=ForecastMemory(**sizes, activations_bytes=0, temporaries_bytes=0),
        overhead_bytes=tuple(GIB * bound for bound in overhead),
    )
    skipped = make_record("a", status="skipped", reason="does not fit", forecast=forecast)
    budget = {} if memory is None else {"memory": memory * GIB}
    one = judged([make_record(), skipped], **budget)
    assert (one.standing, one.basis) == (standing, "forecast")
    assert one.obstacle == "was skipped: does not fit; 3 GiB to 4 GiB of memory are expected"


def test_a_strategy_in_doubt_is_judged_where_that_is_asked_for(make_record):
    records = [make_record(), make_record("a", flags=({"code": "throttled", "message": "hot"},))]
    assert judged(records).standing == "open"
    assert judged(records).obstacle == "is in doubt (throttled: hot)"
    assert judged(records, rank_suspect=True).standing == "fits"


def test_what_has_not_learnt_is_never_recommended(make_record):
    records = [make_record(accuracy=0.9), make_record("a", accuracy=0.4)]
    one = judged(records)
    assert one.standing == "open"
    assert one.obstacle == "is not shown to beat the majority class (52.0%)"
    assert one.remedy
    assert judged(records, memory=float(2**20)).standing == "out", "a bound that is broken is said first"
