import numpy as np
import pytest
from scipy import stats

from bench.analysis.comparison import compare
from bench.recommending import quantities
from bench.records.record import Flag, Memory


def changed(record, **changes):
    return record.model_copy(update={"measured": record.measured.model_copy(update=changes)})


def result_of(*records):
    (result,) = compare(records).results
    return result


def test_the_time_of_another_run_is_a_prediction(make_record):
    times = [100.0, 104.0, 99.0]
    runs = [changed(make_record(seed=seed), train_seconds=time) for seed, time in enumerate(times)]
    found = quantities.seconds(result_of(*runs), 0.1)
    spread = np.std(times, ddof=1) * np.sqrt(1 + 1 / 3)
    assert (found.low, found.high) == pytest.approx(stats.t.interval(0.9, 2, 101, spread))


def test_a_single_run_is_bounded_by_its_own_steps(make_record):
    run = make_record(num_steps=40)
    found = quantities.seconds(result_of(run), 0.05)
    assert found.this_run_only
    assert found.low < found.estimate == run.measured.train_seconds < found.high
    speed = quantities.throughput(result_of(run), 0.05)
    assert speed.estimate == run.measured.samples_per_second
    assert speed.high == pytest.approx(run.measured.num_samples / found.low)


def test_two_steps_bound_nothing(make_record):
    assert quantities.seconds(result_of(make_record(num_steps=5)), 0.05).bounds is None


def test_compiling_is_paid_once_and_all_else_for_every_row(make_record):
    run = make_record()
    compiled = changed(run, train_seconds=110.0, compile_seconds=60.0)
    rows = run.measured.num_samples
    assert quantities.seconds(result_of(compiled), 0.05, 10 * rows).estimate == pytest.approx(60 + 10 * 50)


def test_a_single_peak_is_taken_to_vary(make_record):
    found = quantities.memory(result_of(make_record(memory=1000 << 20)), 0.05)
    assert (found.low, found.high) == pytest.approx(((1000 << 20) / 1.05, (1000 << 20) * 1.05))


def test_peaks_over_seeds_are_all_within_the_bounds(make_record):
    peaks = [1000 << 20, 1001 << 20, 1400 << 20]
    runs = [make_record(seed=seed, memory=peak) for seed, peak in enumerate(peaks)]
    found = quantities.memory(result_of(*runs), 0.5)
    assert found.low <= min(peaks)
    assert found.high >= max(peaks)


def test_a_peak_that_one_run_did_not_measure_is_unknown(make_record):
    runs = [make_record(seed=0), changed(make_record(seed=1), memory=Memory())]
    assert quantities.memory(result_of(*runs), 0.05) is None


def test_a_score_must_hold_on_other_rows_and_with_other_seeds(make_record):
    alike = result_of(*(make_record(seed=seed, accuracy=0.8, num_rows=4000) for seed in range(3)))
    rows, seeds = quantities.score_by_rows(alike, 0.05), quantities.score_by_seeds(alike, 0.05)
    both = quantities.score(alike, 0.05)
    assert both.bounds == (min(rows.low, seeds.low), max(rows.high, seeds.high))
    assert both.high - both.low < quantities.score(alike, 0.01).high - quantities.score(alike, 0.01).low
    assert quantities.score_by_seeds(result_of(make_record()), 0.05) is None


def test_the_time_to_an_accuracy_is_that_of_the_curve(make_record):
    result = result_of(*(make_record(seed=seed, accuracy=0.9) for seed in range(3)))
    points = {seed: run.curve for seed, run in result.measured.items()}
    assert quantities.reached(result, 0.55) == {
        seed: next(point.seconds for point in curve if point.accuracy >= 0.55) for seed, curve in points.items()
    }
    assert set(quantities.reached(result, 0.99).values()) == {None}
    assert quantities.seconds_until(result, 0.99, 0.05) is None
    assert quantities.reached(result_of(changed(make_record(), curve=())), 0.5) is None


def test_a_run_that_went_on_from_a_checkpoint_tells_no_time_and_no_peak(make_record):
    flag = Flag(code="resumed-within", message="a process went on after 5 of 10 steps, which another took")
    result = result_of(make_record(flags=(flag,)))
    for quantity in (quantities.seconds, quantities.throughput, quantities.memory):
        assert quantity(result, 0.05) is None
    assert quantities.seconds_until(result, 0.1, 0.05) is None
    assert quantities.score(result, 0.05) is not None
