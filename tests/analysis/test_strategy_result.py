"""One strategy over its seeds, and against another."""

import pytest

from bench.analysis.comparison import compare
from bench.records.record import Memory


def test_the_ratio_of_one_seed_is_the_quotient_of_the_values_shown(make_record):
    full, fast = (result for result in compare([make_record("full"), make_record("fast", step=0.5)]).results)
    for metric in ("samples_per_second", "train_seconds", "step_seconds_median"):
        assert fast.relative[metric].estimate == pytest.approx(fast.means[metric] / full.means[metric])
        assert fast.relative[metric].side(1) == (1 if metric == "samples_per_second" else -1)


def test_memory_that_is_not_above_zero_gives_no_ratio(make_record):
    def with_delta(record, delta):
        measured = record.measured.model_copy(update={"memory": Memory(nvml_delta_bytes=delta)})
        return record.model_copy(update={"measured": measured})

    results = compare([with_delta(make_record("full"), 5), with_delta(make_record("freeze"), 0)]).results
    assert results[1].relative["training_memory_bytes"] is None
    assert results[1].means["training_memory_bytes"] == 0


def test_accuracies_of_other_data_are_not_compared(make_record):
    other = make_record("amp", step=0.5)
    other = other.model_copy(update={"measured": other.measured.model_copy(update={"data_digest": "0" * 64})})
    comparison = compare([make_record("full"), other], allow_mismatch=True)
    assert comparison.results[1].relative["accuracy"] is None
    assert comparison.headline.endswith("but its accuracy cannot be compared.")


def test_set_up_counts_in_the_speed_of_one_run(make_record):
    plain, quick = make_record("freeze", step=1.0), make_record("cached", step=0.01)
    seconds = quick.measured.train_seconds + 20
    measured = quick.measured.model_copy(
        update={"cache_seconds": 20.0, "train_seconds": seconds, "samples_per_second": 512 / seconds}
    )
    comparison = compare([plain, quick.model_copy(update={"measured": measured})], "freeze")
    speed = comparison.results[1].relative["samples_per_second"]
    assert speed.estimate == pytest.approx(measured.samples_per_second / plain.measured.samples_per_second)
    assert speed.low > 1.5
    assert speed.high < 1.8
    steps = comparison.results[1].relative["step_seconds_median"]
    assert 0.009 < steps.low < steps.high < 0.012
