import pytest

from bench.analysis.comparison import compare
from bench.analysis.words.resolution import Need
from bench.experiment.budget import Budget
from bench.recommending.bounds import findings
from bench.records.record import Memory

GIB = 2**30


def found(records, **budget):
    (result,) = compare(records).results
    (finding,) = findings(result, Budget(**budget))
    return finding


def on_gpu(record, **memory):
    spec = record.spec.model_copy(update={"device": "cuda:0"})
    measured = record.measured.model_copy(update={"memory": Memory(**memory)})
    return record.model_copy(update={"spec": spec, "measured": measured})


@pytest.mark.parametrize(
    ("peaks", "verdict", "needs"),
    [
        ((8.0, 8.01, 8.02), "within", ()),
        ((8.0, 8.01, 10.01), "beyond", ()),  # one run did not fit
        ((9.0, 9.3, 9.5), "open", (Need("seeds", 10),)),
        ((9.9, 9.0, 9.9), "open", (Need("seeds", None),)),  # more seeds only show that some fit and others do not
        ((9.0,), "within", ()),
        ((9.7,), "open", (Need("seeds", 3, is_least=True),)),
    ],
)
def test_memory_has_to_hold_another_run(make_record, peaks, verdict, needs):
    records = [make_record(seed=seed, memory=int(peak * GIB)) for seed, peak in enumerate(peaks)]
    finding = found(records, memory=10 * GIB)
    assert (finding.verdict, finding.needs) == (verdict, needs)


def test_memory_that_was_not_measured_fits_nothing(make_record):
    record = make_record()
    bare = record.model_copy(update={"measured": record.measured.model_copy(update={"memory": Memory()})})
    finding = found([bare], memory=1000 * GIB)
    assert (finding.verdict, finding.because) == ("open", "its memory was not measured")


@pytest.mark.parametrize(("peak", "verdict"), [(14.0, "within"), (15.0, "open"), (15.3, "beyond")])
def test_a_card_keeps_some_of_its_memory(make_record, peak, verdict):
    assert found([on_gpu(make_record(), nvml_delta_bytes=int(peak * GIB))], memory=16 * GIB).verdict == verdict


def test_what_the_allocator_does_not_see_is_added(make_record):
    finding = found([on_gpu(make_record(), torch_reserved_peak_bytes=10 * GIB)], memory=16 * GIB)
    assert finding.interval.estimate == 10 * GIB + (600 << 20)


def test_a_score_says_how_many_rows_would_settle_it(make_record):
    record = make_record(accuracy=0.8, num_rows=400)
    share = record.measured.evaluation.accuracy
    finding = found([record], min_accuracy=share - 0.02)
    (need,) = finding.needs
    assert (finding.verdict, need.kind) == ("open", "rows")
    assert need.number == pytest.approx(share * (1 - share) * (2.8 / 0.02) ** 2, rel=0.1)
    assert found([record], min_accuracy=share).needs == (Need("rows", None),)
    assert found([record], min_accuracy=share - 0.1).verdict == "within"
    assert found([record], min_accuracy=share + 0.1).verdict == "beyond"


def test_where_all_rows_are_used_no_number_of_them_is_advised(make_record):
    workload = {"eval_samples": None}
    finding = found([make_record(accuracy=0.8, workload=workload, seed=seed) for seed in range(3)], min_accuracy=0.78)
    assert (finding.verdict, finding.needs) == ("open", ())


def test_a_time_to_an_accuracy_needs_a_curve_that_reaches_it(make_record):
    budget = {"min_accuracy": 0.6, "maximize": "time-to-accuracy", "max_time": 1000.0}
    records = [make_record(seed=seed, accuracy=0.95, num_rows=2000) for seed in range(3)]
    (result,) = compare(records).results
    assert [finding.verdict for finding in findings(result, Budget(**budget))] == ["within", "within"]
    (result,) = compare([make_record(seed=seed, accuracy=0.4) for seed in range(2)]).results
    time, _ = findings(result, Budget(**budget))
    assert (time.verdict, time.because) == ("beyond", "its learning curve does not reach 60.0% with seeds 0 and 1")
    measured = records[0].measured.model_copy(update={"curve": ()})
    (result,) = compare([records[0].model_copy(update={"measured": measured})]).results
    time, _ = findings(result, Budget(**budget))
    assert (time.verdict, time.because) == ("open", "its learning curve was not recorded (--evaluations)")
